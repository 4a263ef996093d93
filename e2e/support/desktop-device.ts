/** A device of the story that has the desktop app: window, node and all. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { collectComplaints, STEP_DEADLINE_MS } from './browser.ts'
import { startBeside, TestApp } from './electron.ts'
import type { Device } from './two-devices.ts'

export class DesktopDevice implements Device {
  readonly name: string
  readonly disk: string
  readonly tellsPaths = true
  readonly complaints: string[] = []
  readonly #home: string
  #running: { readonly app: TestApp; readonly page: Page } | undefined

  private constructor(name: string, root: string) {
    const short = name.toLowerCase().replaceAll(' ', '-')
    this.name = name
    this.disk = join(root, `${short}-disk`)
    this.#home = join(root, `${short}-home`)
  }

  static async start(root: string, name: string): Promise<DesktopDevice> {
    const device = new DesktopDevice(name, root)
    await mkdir(device.disk)
    await device.start()
    return device
  }

  get page(): Page {
    if (this.#running === undefined) throw new Error(`${this.name} is not running`)
    return this.#running.page
  }

  get output(): string {
    return this.#running?.app.output ?? ''
  }

  /** The system starts the app again for it. */
  async openLink(link: string): Promise<void> {
    expect(await startBeside(this.#home, link)).toBe(0)
    await this.page.locator(`input[value="${link}"]`).waitFor()
  }

  async start(): Promise<void> {
    const app = await TestApp.show('interface', this.#home, '--lang=en-GB')
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
