/** Those who wait until a folder has caught up: asked again each time its loop comes to rest. */

export class Settling {
  readonly #checks = new Set<() => void>()

  /** Resolves once `isSettled` says so. Rejects with the signal's reason. */
  wait(isSettled: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#checks.delete(check)
        signal?.removeEventListener('abort', abort)
      }
      const check = (): void => {
        if (!isSettled()) return
        end()
        resolve()
      }
      const abort = (): void => {
        end()
        reject(signal!.reason as Error)
      }
      signal?.addEventListener('abort', abort)
      this.#checks.add(check)
      check()
    })
  }

  check(): void {
    for (const check of [...this.#checks]) check()
  }
}
