/**
 * A real Chromium on the web UI of a node. Whatever the page complains about (an exception, a broken content policy, an
 * error on its console) is collected: a test ends by asserting that there was nothing.
 *
 * The pages of a file of tests are in one Chromium, since starting it takes longer than most of what is done in it; each
 * is in a context of its own, which keeps nothing and shares nothing with another.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
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

let started: Promise<Browser> | undefined

/** The Chromium of this file of tests; the file ends it. */
const sharedBrowser = (): Promise<Browser> => {
  started ??= startBrowser()
  return started
}

const startBrowser = async (): Promise<Browser> => {
  const executablePath = chromiumPath()
  if (executablePath === undefined) throw new Error('there is no Chromium: see chromiumPath')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  hasStarted(browser, () => browser.close())
  browser.once('disconnected', () => {
    started = undefined // a test that was cut short ends what it started: the next one starts another
    hasEnded(browser)
  })
  return browser
}

const closeContext = async (context: BrowserContext): Promise<void> => {
  try {
    await context.close()
  } catch (error) {
    if (context.browser()?.isConnected()) throw error // else it went with its browser
  }
}

export class TestPage implements AsyncDisposable {
  readonly page: Page
  readonly complaints: readonly string[]
  readonly #context: BrowserContext

  private constructor(context: BrowserContext, page: Page, complaints: readonly string[]) {
    this.#context = context
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
    const browser = await sharedBrowser()
    const context = await browser.newContext({
      locale: options.locale ?? 'en-GB',
      viewport: { width: 1180, height: 780 },
    })
    hasStarted(context, () => closeContext(context))
    context.once('close', () => hasEnded(context))
    context.setDefaultTimeout(STEP_DEADLINE_MS)
    const page = await context.newPage()
    const complaints: string[] = []
    collectComplaints(page, complaints)
    if (options.hasOwnClock) await page.clock.install()
    await page.goto(await node.ok('web'))
    return new TestPage(context, page, complaints)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeContext(this.#context)
  }
}
