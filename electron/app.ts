/** What happens in the app, from the parts that each do one thing. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import {
  clipboard,
  dialog,
  Notification,
  shell,
  type App,
  type IpcMain,
  type NativeTheme,
  type WebContents,
} from 'electron'
import type { Notice } from '#proto/event_api'
import { AddFolderRequestSchema, PauseFolderRequestSchema, ResumeFolderRequestSchema } from '#proto/folder_api'
import type { LatticeError, Result } from '#kernel/core/result.ts'
import { isAutostarted, setAutostart } from './autostart.ts'
import type { DesktopMemory, ThemeName } from './desktop-file.ts'
import { failureActs, failureDetails, failureHtml, type Failure } from './failure-page.ts'
import { systemKeychain } from './keychain.ts'
import { asMarkup, isSeenAt, notificationFor } from './notices.ts'
import { FAILURE_URL } from './pages.ts'
import { handOutPorts, type Ports } from './ports.ts'
import { PlaceRequests } from './requests.ts'
import { RunningNode } from './running-node.ts'
import type { StartArgs } from './start-args.ts'
import { ShellTexts } from './texts.ts'
import { LatticeTray } from './tray.ts'
import { routes, type TrayAction } from './tray-menu.ts'
import { nodeDown, type NodeView } from './tray-state.ts'
import type { MainWindow } from './window.ts'

export interface AppParts {
  readonly app: App
  readonly ipc: IpcMain
  readonly theme: NativeTheme
  readonly home: string
  readonly args: StartArgs
  readonly memory: DesktopMemory
  readonly window: MainWindow
  /** Is told of unexpected failures, which are bugs of ours. */
  readonly report: (cause: unknown) => void
}

/** As for `lattice up`: everything durable is on disk already. */
const STOP_DEADLINE_MS = 5_000

/** What the page asks of the node and draws once it is connected. */
const DRAWS_MS = 300

export class DesktopApp {
  /** Resolves when the window that was shown at the start had the time to draw its page: what can wait comes then. */
  readonly drawn: Promise<void>
  readonly #parts: AppParts
  readonly #memory: DesktopMemory
  readonly #texts: ShellTexts
  readonly #requests = new PlaceRequests()
  readonly #window: MainWindow
  readonly #running: RunningNode
  readonly #ports: Ports
  /** Held, or the system would forget them and their clicks. */
  readonly #notifications = new Set<Notification>()
  #tray: LatticeTray | undefined
  #failure: Failure | undefined
  /** The details of the failure that is shown are on the clipboard. */
  #isCopied = false
  #quitting = false

  constructor(parts: AppParts) {
    this.#parts = parts
    this.#memory = parts.memory
    this.#window = parts.window
    this.#texts = new ShellTexts(this.#wantedLanguages())
    this.#running = this.#createRunning()
    this.#ports = handOutPorts(
      parts.ipc,
      () => this.#window.contents,
      () => this.#running.services(),
    )
    this.drawn = this.#window.waitFor(this.#ports.handedOut.then(() => pause(DRAWS_MS)))
  }

  #createRunning(): RunningNode {
    const { home, args, report } = this.#parts
    return new RunningNode({
      nodeOptions: () => ({
        home,
        config: args.listen.length > 0 ? { listen: args.listen } : {},
        localDiscovery: args.localDiscovery,
        keychain: systemKeychain(),
        urgentUntil: this.drawn,
      }),
      report,
      desktop: {
        memory: this.#memory,
        requests: this.#requests,
        systemLanguage: () => this.#systemLanguages()[0] ?? '',
        languageChanged: () => this.#speak(),
        isAutostarted,
        setAutostart: (wanted) => setAutostart(wanted, this.#texts.inAll('autostart')),
        applyTheme: (theme) => this.#applyTheme(theme),
        chooseDirectory: (title) => this.#chooseDirectory(title),
        openDirectory: (path) => void this.#openDirectory(path).catch(report),
        reveal: (path) => shell.showItemInFolder(path),
        quit: () => this.quit(),
      },
      onView: (view) => this.#tray?.show(view),
      onNotice: (notice, view) => this.#notify(notice, view),
      onFailure: (error) => this.#nodeFailed(error),
      onShutdown: () => this.quit(),
    })
  }

  /** The tray and the node. Whoever starts the app has shown the window, if there is to be one. */
  start(link: string | undefined): void {
    if (this.#quitting) return
    const { app, report } = this.#parts
    const images = join(app.getAppPath(), 'build', 'icons')
    this.#tray = new LatticeTray(images, nodeDown, this.#texts.say, (action) => void this.#act(action).catch(report))
    this.#running.services().catch(report)
    if (link !== undefined) this.#requests.add({ case: 'joinLink', value: link })
  }

  failurePage(): string {
    return failureHtml(this.#failure ?? { of: 'page', reason: 'unknown' }, this.#texts, this.#isCopied)
  }

  pageCrashed(reason: string): void {
    this.#fail({ of: 'page', reason })
  }

  showWindow(): void {
    this.#window.show(this.#failure !== undefined)
  }

  /** Somebody started the app again, or clicked a link: the page is told where to go. */
  openFromOutside(link: string | undefined): void {
    if (link !== undefined) this.#requests.add({ case: 'joinLink', value: link })
    this.showWindow()
  }

  /** A page wanted to go elsewhere: only the links of the failure page lead somewhere. */
  navigated(contents: WebContents, url: string): void {
    if (!contents.getURL().startsWith(FAILURE_URL)) return
    const { pathname } = new URL(url)
    if (pathname === failureActs.copy) return void this.#copyDetails().catch(this.#parts.report)
    if (pathname === failureActs.quit) return this.quit()
    const isNewSpace = pathname === failureActs.newSpace
    if (pathname !== failureActs.retry && !isNewSpace) return
    this.#failure = undefined
    this.#isCopied = false
    this.#running.retry(isNewSpace).then(() => this.#window.load(this.#failure !== undefined), this.#parts.report)
  }

  /** Stops the node, then ends the process. What is cut off at the deadline is only politeness. */
  quit(): void {
    if (this.#quitting) return
    this.#quitting = true
    const { app, report } = this.#parts
    const deadline = setTimeout(() => app.exit(1), STOP_DEADLINE_MS)
    this.#window.close()
    this.#tray?.close()
    this.#tray = undefined // the node tells of itself until it has stopped
    this.#ports.close()
    this.#running
      .stop()
      .then(
        () => 0,
        (cause: unknown) => (report(cause), 1),
      )
      .then((code) => {
        clearTimeout(deadline)
        app.exit(code)
      }, report)
  }

  /** As Chromium, and so the page, understands the system; then what else the person reads. */
  #systemLanguages(): readonly string[] {
    const { app } = this.#parts
    return [app.getLocale(), ...app.getPreferredSystemLanguages()]
  }

  #wantedLanguages(): readonly string[] {
    return [this.#memory.now.language, ...this.#systemLanguages()]
  }

  #speak(): void {
    this.#texts.speak(this.#wantedLanguages())
    this.#tray?.speak()
    if (this.#failure !== undefined) this.#window.load(true)
  }

  async #copyDetails(): Promise<void> {
    if (this.#failure === undefined) return
    await clipboard.writeText(failureDetails(this.#failure))
    this.#isCopied = true
    this.#window.load(true)
  }

  #applyTheme(theme: ThemeName): void {
    this.#parts.theme.themeSource = theme
  }

  #fail(failure: Failure): void {
    this.#failure = failure
    this.#isCopied = false
    if (this.#window.contents) this.#window.load(true)
  }

  /** A person must learn of it, even when the app was started in the background. */
  #nodeFailed(error: LatticeError): void {
    this.#parts.report(error.message)
    if (this.#quitting) return
    this.#fail({ of: 'node', error })
    this.#tray?.show(nodeDown)
    this.showWindow()
  }

  #show(route: string): void {
    this.#requests.add({ case: 'show', value: route })
    this.showWindow()
  }

  #notify(notice: Notice, view: NodeView): void {
    const text = notificationFor(notice, view, this.#texts.say)
    if (text === undefined || !Notification.isSupported()) return
    if (isSeenAt(text, this.#window.focusedPlace)) return
    const notification = new Notification({
      title: text.title,
      body: process.platform === 'linux' ? asMarkup(text.body) : text.body,
    })
    const forget = (): void => void this.#notifications.delete(notification)
    this.#notifications.add(notification)
    notification.on('click', () => {
      forget()
      this.#show(text.route)
    })
    notification.on('close', forget)
    notification.show()
  }

  async #chooseDirectory(title: string): Promise<string | undefined> {
    const options = { title, properties: ['openDirectory', 'createDirectory'] as const }
    const window = this.#window.browserWindow
    const asked = { ...options, properties: [...options.properties] }
    const { canceled, filePaths } = await (window ? dialog.showOpenDialog(window, asked) : dialog.showOpenDialog(asked))
    return canceled ? undefined : filePaths[0]
  }

  async #act(action: TrayAction): Promise<void> {
    switch (action.do) {
      case 'open':
        return this.showWindow()
      case 'show':
        return this.#show(action.route)
      case 'open-directory':
        return await this.#openDirectory(action.path)
      case 'add-folder':
        return await this.#addFolder()
      case 'pause':
      case 'resume':
        return await this.#pause(action.folders, action.do === 'pause')
      case 'quit':
        return this.quit()
    }
  }

  async #openDirectory(path: string): Promise<void> {
    // Opening would start it there if its name, which may be another person's, made a program of it.
    if (process.platform === 'darwin') return shell.showItemInFolder(path)
    const failure = await shell.openPath(path)
    if (failure !== '') this.#tell(this.#texts.say('dialog.notOpened', { path }), failure)
  }

  async #addFolder(): Promise<void> {
    const path = await this.#chooseDirectory(this.#texts.say('dialog.chooseFolder'))
    const api = this.#running.node?.api
    if (path === undefined || api === undefined) return
    const signal = new AbortController().signal
    const added = await api.folders.addFolder(create(AddFolderRequestSchema, { path }), signal)
    if (!added.ok) return this.#tell(this.#texts.say('dialog.notAdded'), added.error.message)
    this.#show(routes.home)
  }

  async #pause(folders: readonly string[], pause: boolean): Promise<void> {
    const api = this.#running.node?.api
    if (api === undefined) return
    const signal = new AbortController().signal
    for (const folder of folders) {
      const done: Result<unknown, LatticeError> = pause
        ? await api.folders.pauseFolder(create(PauseFolderRequestSchema, { folder }), signal)
        : await api.folders.resumeFolder(create(ResumeFolderRequestSchema, { folder }), signal)
      if (!done.ok)
        return this.#tell(this.#texts.say(pause ? 'dialog.notPaused' : 'dialog.notResumed'), done.error.message)
    }
  }

  /** `detail`: what the node or the system says, in its own words. */
  #tell(message: string, detail: string): void {
    dialog.showMessageBox({ type: 'warning', title: 'Lattice', message, detail }).catch(this.#parts.report)
  }
}
