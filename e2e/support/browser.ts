/**
 * A real Chromium on the web UI of a node. Whatever the page complains about (an exception, a broken content policy, an
 * error on its console) is collected: a test ends by asserting that there was nothing.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { hasEnded, hasStarted } from './started.ts'
import type { TestNode } from './world.ts'

const candidates = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Where a Chromium is; undefined on a machine without one. */
export const chromiumPath = (): string | undefined => candidates.find((path) => path !== '' && existsSync(path))

/** Generous, as everywhere: it ends what hangs and judges no speed. */
export const STEP_DEADLINE_MS = 60_000

/** Adds to `complaints` whatever the page complains about from now on. */
export const collectComplaints = (page: Page, complaints: string[]): void => {
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`)
  })
}

export class TestPage implements AsyncDisposable {
  readonly page: Page
  readonly complaints: readonly string[]
  readonly #browser: Browser

  private constructor(browser: Browser, page: Page, complaints: readonly string[]) {
    this.#browser = browser
    this.page = page
    this.complaints = complaints
  }

  /**
   * Opens what `lattice web` names: the address of the node's UI with its token. `hasOwnClock`: the page's timers can be
   * held and moved on by `page.clock`.
   */
  static async open(
    node: TestNode,
    options: { readonly locale?: string; readonly hasOwnClock?: boolean } = {},
  ): Promise<TestPage> {
    const executablePath = chromiumPath()
    if (executablePath === undefined) throw new Error('there is no Chromium: see chromiumPath')
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
    hasStarted(browser, () => browser.close())
    browser.once('disconnected', () => hasEnded(browser))
    const context = await browser.newContext({
      locale: options.locale ?? 'en-GB',
      viewport: { width: 1180, height: 780 },
    })
    context.setDefaultTimeout(STEP_DEADLINE_MS)
    const page = await context.newPage()
    const complaints: string[] = []
    collectComplaints(page, complaints)
    if (options.hasOwnClock) await page.clock.install()
    await page.goto(await node.ok('web'))
    return new TestPage(browser, page, complaints)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}
