/** Grants for simulated devices. */
import { create } from '@bufbuild/protobuf'
import { Role, SystemOpSchema } from '#proto/system'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'

/** Makes a device an admin of the store. */
export const addMember = async (store: Store, device: PublicKey, name: string): Promise<void> => {
  const op = create(SystemOpSchema, { op: { case: 'peerAdd', value: { device, name, role: Role.ADMIN } } })
  const done = await store.submit(() => ({ system: op }))
  invariant(done.ok, 'a founder may add a device')
}
