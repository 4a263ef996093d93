/** Whether an invite still lets anyone in, and if not, why. */
import type { InviteInfo } from '#proto/invite_api'

export type Standing = 'open' | 'used' | 'expired' | 'revoked'

/** `nowMs`: unix ms. */
export const standing = (
  { revoked, used, uses, expiresMs }: Pick<InviteInfo, 'revoked' | 'used' | 'uses' | 'expiresMs'>,
  nowMs: number,
): Standing => {
  if (revoked) return 'revoked'
  if (used >= uses) return 'used'
  return Number(expiresMs) <= nowMs ? 'expired' : 'open'
}
