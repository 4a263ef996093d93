/** A device of the story that has the desktop app: window, node and all. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ElectronApplication, Page } from 'playwright-core'
import { expect } from 'vitest'
import { collectComplaints, STEP_DEADLINE_MS } from './browser.ts'
import { startBeside, TestApp } from './electron.ts'
import type { Device } from './two-devices.ts'

export class DesktopDevice implements Device {
  readonly name: string
  readonly disk: string
  readonly home: string
  readonly tellsPaths = true
  readonly complaints: string[] = []
  #running: { readonly app: TestApp; readonly page: Page } | undefined

  private constructor(name: string, root: string) {
    const short = name.toLowerCase().replaceAll(' ', '-')
    this.name = name
    this.disk = join(root, `${short}-disk`)
    this.home = join(root, `${short}-home`)
  }

  /** `link`: what the app is started with. */
  static async start(root: string, name: string, link?: string): Promise<DesktopDevice> {
    const device = new DesktopDevice(name, root)
    await mkdir(device.disk)
    await device.start(link)
    return device
  }

  get page(): Page {
    if (this.#running === undefined) throw new Error(`${this.name} is not running`)
    return this.#running.page
  }

  /**
   * The process that draws the window ends, and with it `page`: what is shown afterwards is asked of the window itself.
   * Resolves once it shows what takes the place of the page.
   */
  async crashPage(): Promise<void> {
    await this.#app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]!.webContents
      const loaded = new Promise<void>((resolve) => contents.once('did-finish-load', () => resolve()))
      contents.forcefullyCrashRenderer()
      return loaded
    })
  }

  /** Presses what leads to another page; resolves once that is there. */
  async pressInWindow(selector: string): Promise<void> {
    await this.#app.evaluate(({ BrowserWindow }, wanted) => {
      const contents = BrowserWindow.getAllWindows()[0]!.webContents
      const loaded = new Promise<void>((resolve) => contents.once('did-finish-load', () => resolve()))
      const press = `document.querySelector(${JSON.stringify(wanted)}).click()`
      return contents.executeJavaScript(press).then(() => loaded)
    }, selector)
  }

  async textInWindow(): Promise<string> {
    return await this.#app.evaluate(async ({ BrowserWindow }) => {
      const text: unknown =
        await BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript('document.body.innerText')
      return String(text)
    })
  }

  get #app(): ElectronApplication {
    if (this.#running === undefined) throw new Error(`${this.name} is not running`)
    return this.#running.app.app
  }

  get output(): string {
    return this.#running?.app.output ?? ''
  }

  /** The system starts the app again for it. */
  async openLink(link: string): Promise<void> {
    expect(await startBeside(this.home, link)).toBe(0)
    await this.page.locator(`input[value="${link}"]`).waitFor()
  }

  async start(link?: string): Promise<void> {
    const app = await TestApp.launch(this.home, {
      hasInterface: true,
      args: ['--lang=en-GB', ...(link === undefined ? [] : [link])],
    })
    const page = await app.page()
    page.setDefaultTimeout(STEP_DEADLINE_MS)
    collectComplaints(page, this.complaints)
    this.#running = { app, page }
  }

  async quit(): Promise<void> {
    const app = this.#running?.app
    expect(await app?.quit(), app?.output).toBe(0)
    this.#running = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.app[Symbol.asyncDispose]()
  }
}
