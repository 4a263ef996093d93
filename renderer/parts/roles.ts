/** Roles as texts of the `pairing` feature name them. */
import { Role } from '#proto/system'

export const roleKeys = ['reader', 'writer', 'admin'] as const
export type RoleKey = (typeof roleKeys)[number]

export const roleKey = (role: Role): RoleKey => {
  switch (role) {
    case Role.ADMIN:
      return 'admin'
    case Role.READER:
      return 'reader'
    case Role.WRITER:
    case Role.UNSPECIFIED:
      return 'writer'
  }
}

export const roleOf = (key: string): Role =>
  key === 'admin' ? Role.ADMIN : key === 'reader' ? Role.READER : Role.WRITER
