/** The one window: made when it is asked for, destroyed when it is closed. The app lives on in the tray. */
import { BrowserWindow, nativeTheme, screen, type WebContents } from 'electron'
import type { DesktopMemory } from './desktop-file.ts'
import { APP_URL, FAILURE_URL, placeIn } from './pages.ts'
import { placeWindow, windowSizeMin } from './window-place.ts'

export interface WindowParts {
  readonly memory: DesktopMemory
  readonly preload: string
  readonly icon: string
  readonly isPackaged: boolean
  /** The part of the app that draws the window ended. */
  crashed(reason: string): void
  report(cause: unknown): void
}

/** A page that is not there by then is not waited for. */
const WAIT_MS_MAX = 3_000

export class MainWindow {
  readonly #parts: WindowParts
  #window: BrowserWindow | undefined

  constructor(parts: WindowParts) {
    this.#parts = parts
  }

  get contents(): WebContents | undefined {
    return this.#window?.webContents
  }

  /** For dialogs, which belong to a window where there is one. */
  get browserWindow(): BrowserWindow | undefined {
    return this.#window
  }

  /** What of the app a person has before them; undefined: another program, or no page of ours. */
  get focusedPlace(): string | undefined {
    return this.#window?.isFocused() === true ? placeIn(this.#window.webContents.getURL()) : undefined
  }

  /** In front, made if need be. `failed`: shows why the interface is not there instead of it. */
  show(failed: boolean): void {
    if (this.#window === undefined) {
      this.#window = this.#create()
      performance.mark('window made')
      return this.load(failed)
    }
    if (this.#window.isMinimized()) this.#window.restore()
    this.#window.show()
    this.#window.focus()
  }

  /** Resolves with what the page is about to do; without a window, or after 3 s, all the same. */
  async waitFor(done: Promise<void>): Promise<void> {
    if (this.#window === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const latest = setTimeout(resolve, WAIT_MS_MAX)
    this.#window.once('closed', resolve)
    void done.then(resolve)
    await promise
    clearTimeout(latest)
  }

  /** Loads the page anew, or the one that says what failed. */
  load(failed: boolean): void {
    // A load that another one replaces rejects; there is nothing to do about it.
    this.#window?.loadURL(failed ? FAILURE_URL : APP_URL).catch((cause: unknown) => {
      if ((cause as { code?: unknown }).code !== 'ERR_ABORTED') this.#parts.report(cause)
    })
  }

  close(): void {
    this.#window?.destroy()
  }

  #create(): BrowserWindow {
    const { memory, preload, icon, isPackaged } = this.#parts
    const areas = screen.getAllDisplays().map(({ workArea }) => workArea)
    const window = new BrowserWindow({
      ...placeWindow(memory.now.window, areas),
      minWidth: windowSizeMin.width,
      minHeight: windowSizeMin.height,
      show: false,
      title: 'Lattice',
      icon,
      autoHideMenuBar: true,
      backgroundColor: nativeTheme.shouldUseDarkColors ? '#15181c' : '#ffffff',
      webPreferences: {
        preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
        devTools: !isPackaged,
      },
    })
    window.removeMenu()
    if (memory.now.window?.maximized === true) window.maximize()
    window.once('ready-to-show', () => window.show())
    window.on('close', () => this.#remember(window))
    window.on('closed', () => (this.#window = undefined))
    window.webContents.on('render-process-gone', (_, { reason }) => {
      if (reason !== 'clean-exit') this.#parts.crashed(reason)
    })
    return window
  }

  #remember(window: BrowserWindow): void {
    const { x, y, width, height } = window.getNormalBounds()
    try {
      this.#parts.memory.change({ window: { x, y, width, height, maximized: window.isMaximized() } })
    } catch (cause) {
      this.#parts.report(cause) // the window closes all the same
    }
  }
}
