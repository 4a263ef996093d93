/** The keychain of the system, through Electron. To be asked once the app is ready. */
import { safeStorage } from 'electron'
import type { Keychain } from '#daemon/node/home.ts'

/** Without a keychain Electron on Linux would "encrypt" with a constant: that is none. */
const isReal = (): boolean =>
  safeStorage.isEncryptionAvailable() &&
  (process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text')

/** Undefined: the system has none. */
export const systemKeychain = (): Keychain | undefined =>
  isReal()
    ? {
        seal: (text) => safeStorage.encryptString(text),
        open: (sealed) => safeStorage.decryptString(Buffer.from(sealed)),
      }
    : undefined
