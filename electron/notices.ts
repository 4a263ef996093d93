/** Which notices of the node become notifications of the system, and where a click on one leads. Pure. */
import { NoticeKind, type Notice } from '#proto/event_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { Say } from './texts.ts'
import { routes } from './tray-menu.ts'
import type { NodeView } from './tray-state.ts'

export interface NotificationText {
  readonly title: string
  readonly body: string
  readonly route: string
  /** Where in the window it is seen anyway, with all that lies below; '/': everywhere. */
  readonly seenAt: string
}

const folderName = ({ storeId }: Notice, view: NodeView): string | undefined =>
  view.folders.get(bytesToHex(storeId))?.name

/** What a right is about: a folder, or else what has no name here. */
const subject = (notice: Notice, view: NodeView, say: Say, unnamed: string): string =>
  folderName(notice, view) ?? say(notice.storeId.length > 0 ? 'notice.aSpace' : unnamed)

const conflictText = (notice: Notice, view: NodeView, say: Say): NotificationText => {
  const fill = {
    folder: folderName(notice, view) ?? say('notice.aFolder'),
    path: notice.path,
    device: notice.deviceName,
  }
  const isOne = notice.about !== ''
  return {
    title: say('notice.conflict'),
    body: say(isOne ? 'notice.conflictText' : 'notice.conflictsText', fill),
    route: isOne ? routes.conflict(notice.about) : routes.conflicts,
    seenAt: routes.conflicts,
  }
}

const revokedText = (notice: Notice, view: NodeView, say: Say): NotificationText => {
  const isSelf = view.peers.get(notice.about)?.self === true
  const fill = { device: notice.deviceName, folder: subject(notice, view, say, 'notice.folders') }
  return {
    title: say('notice.revoked'),
    body: say(isSelf ? 'notice.revokedSelfText' : 'notice.revokedText', fill),
    route: routes.devices,
    seenAt: routes.devices,
  }
}

const errorText = (notice: Notice, view: NodeView, say: Say): NotificationText => ({
  title: say('notice.folderError'),
  body: say('notice.folderErrorText', { folder: folderName(notice, view) ?? 'Lattice' }),
  route: notice.storeId.length > 0 ? routes.folder(bytesToHex(notice.storeId)) : routes.home,
  seenAt: routes.folders,
})

/** Panels of Linux take a body for markup, and file names come from other people. They know these three entities. */
export const asMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** `place`: what a person has before them; undefined: something else. */
export const isSeenAt = ({ seenAt }: NotificationText, place: string | undefined): boolean =>
  place !== undefined && (seenAt === '/' || place === seenAt || place.startsWith(`${seenAt}/`))

/** Undefined: nothing that a person must be told of while the window is closed. */
export const notificationFor = (notice: Notice, view: NodeView, say: Say): NotificationText | undefined => {
  const joining = (): Record<'device' | 'folder', string> => ({
    device: notice.deviceName,
    folder: subject(notice, view, say, 'notice.aSpace'),
  })
  switch (notice.kind) {
    case NoticeKind.CONFLICT:
      return conflictText(notice, view, say)
    case NoticeKind.JOIN_REQUEST:
      return {
        title: say('notice.joinRequest'),
        body: say('notice.joinRequestText', joining()),
        route: routes.invite,
        seenAt: routes.home,
      }
    case NoticeKind.JOINED:
      return {
        title: say('notice.joined'),
        body: say('notice.joinedText', joining()),
        route: routes.devices,
        seenAt: routes.devices,
      }
    case NoticeKind.REVOKED:
      return revokedText(notice, view, say)
    case NoticeKind.LOW_DISK: {
      const body = say('notice.lowDiskText', { path: notice.about })
      return { title: say('notice.lowDisk'), body, route: routes.settings, seenAt: routes.settings }
    }
    case NoticeKind.FOLDER_ERROR:
      return errorText(notice, view, say)
    case NoticeKind.UNSPECIFIED:
      return undefined
  }
}
