/** What a person should know of devices that want to join, or have joined. */
import { NoticeKind } from '#proto/event_api'
import { bytesToHex, type HexKey } from '#kernel/core/bytes.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import type { Store } from '#kernel/store/port.ts'
import type { JoinServer } from '#sync/join/serve.ts'

export interface JoinNotice {
  readonly kind: NoticeKind
  /** The folder it is about; absent for a space. */
  readonly store?: HexKey
  readonly deviceName: string
  /** The request's id, or the key of the device that joined. */
  readonly about: string
  readonly message: string
}

const folderOf = (store: Store): { readonly store?: HexKey } =>
  store.type === FILESTORE_TYPE ? { store: bytesToHex(store.id) } : {}

/** Adds a notice for each device that begins to wait and for each that was let in. Returns the stop. */
export const announceJoins = (joins: Pick<JoinServer, 'on'>, add: (notice: JoinNotice) => void): (() => void) => {
  const undo = [
    joins.on('requested', ({ id, deviceName, store }) =>
      add({
        kind: NoticeKind.JOIN_REQUEST,
        ...folderOf(store),
        deviceName,
        about: id,
        message: `a device that calls itself ${deviceName} asks to join ${store.name}`,
      }),
    ),
    joins.on('joined', ({ device, name, store }) =>
      add({
        kind: NoticeKind.JOINED,
        ...folderOf(store),
        deviceName: name,
        about: bytesToHex(device),
        message: `${name} has joined ${store.name}`,
      }),
    ),
  ]
  return () => undo.forEach((each) => each())
}
