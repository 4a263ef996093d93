/** Which notices of the node become notifications of the system, and where a click on one leads. Pure. */
import { NoticeKind, type Notice } from '#proto/event_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { routes } from './tray-menu.ts'

export interface NotificationText {
  readonly title: string
  readonly body: string
  readonly route: string
}

const folderRoute = ({ storeId }: Notice): string =>
  storeId.length > 0 ? routes.folder(bytesToHex(storeId)) : routes.home

/** Undefined: nothing that a person must be told of while the window is closed. */
export const notificationFor = (notice: Notice): NotificationText | undefined => {
  const body = notice.message
  switch (notice.kind) {
    case NoticeKind.CONFLICT:
      return { title: 'Changed on two devices', body, route: routes.conflict(notice.about) }
    case NoticeKind.JOIN_REQUEST:
      return { title: 'A device wants to join', body, route: routes.invite }
    case NoticeKind.JOINED:
      return { title: 'A device joined', body, route: routes.devices }
    case NoticeKind.REVOKED:
      return { title: 'A device was removed', body, route: routes.devices }
    case NoticeKind.LOW_DISK:
      return { title: 'The disk is almost full', body, route: routes.settings }
    case NoticeKind.FOLDER_ERROR:
      return { title: 'A folder does not sync', body, route: folderRoute(notice) }
    case NoticeKind.UNSPECIFIED:
      return undefined
  }
}
