/**
 * A page over Chromium's debugging port, with the little that tests of a packaged app need. Playwright attaches to whole
 * browsers only, and an Electron whose main process is closed to it does not pass for one.
 */

interface Target {
  readonly type: string
  readonly targetId: string
  readonly url: string
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly targetInfo?: Target; readonly name?: string }
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Evaluated {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string }; readonly text: string }
}

export class DebuggedPage {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, { resolve: (result: unknown) => void; reject: (cause: Error) => void }>()
  #onTarget: (target: Target) => void = () => undefined
  #onLoad: () => void = () => undefined
  #session: string | undefined
  #nextId = 1

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data)) as Message))
    socket.addEventListener('close', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('the app closed its debugging port'))
    })
  }

  /** The first page whose address begins with `prefix`, once it is loaded; `address` is that of the browser. */
  static async attach(address: string, prefix: string, signal: AbortSignal): Promise<DebuggedPage> {
    const socket = new WebSocket(address)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true })
      socket.addEventListener('error', () => reject(new Error(`cannot connect to ${address}`)), { once: true })
    })
    const page = new DebuggedPage(socket)
    const expired = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error(`no page shows ${prefix}`)), { once: true }),
    )
    const found = new Promise<string>((resolve) => {
      page.#onTarget = ({ type, targetId, url }) => {
        if (type === 'page' && url.startsWith(prefix)) resolve(targetId)
      }
    })
    await page.#send('Target.setDiscoverTargets', { discover: true })
    const targetId = await Promise.race([found, expired])
    const attached = await page.#send('Target.attachToTarget', { targetId, flatten: true })
    page.#session = (attached as { sessionId: string }).sessionId
    await Promise.race([page.#loaded(prefix), expired])
    return page
  }

  /** An address shows before the page that it leads to: what has happened to that page is told again to who asks. */
  async #loaded(prefix: string): Promise<void> {
    const loaded = new Promise<void>((resolve, reject) => {
      this.#onLoad = () =>
        void this.evaluate(() => location.href).then((url) => {
          if (url.startsWith(prefix)) resolve()
        }, reject)
    })
    await this.#send('Page.enable', {})
    await this.#send('Page.setLifecycleEventsEnabled', { enabled: true })
    await loaded
  }

  /** Runs a function, or a script, in the page; what it gives back is copied. */
  async evaluate<R>(run: string | (() => R | Promise<R>)): Promise<R> {
    const expression = typeof run === 'string' ? run : `(${run.toString()})()`
    const evaluated = await this.#send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    const { result, exceptionDetails } = evaluated as Evaluated
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value as R
  }

  close(): void {
    this.#socket.close()
  }

  #send(method: string, params: object): Promise<unknown> {
    const id = this.#nextId++
    this.#socket.send(JSON.stringify({ id, method, params, ...(this.#session && { sessionId: this.#session }) }))
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }))
  }

  #receive({ id, method, params, result, error }: Message): void {
    if (params?.targetInfo) this.#onTarget(params.targetInfo)
    if (method === 'Page.lifecycleEvent' && params?.name === 'load') this.#onLoad()
    if (id === undefined) return
    const waiting = this.#answers.get(id)
    this.#answers.delete(id)
    if (error) waiting?.reject(new Error(error.message))
    else waiting?.resolve(result)
  }
}
