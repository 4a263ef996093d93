/** A device of the story whose interface a browser shows: a headless node that serves the page. */
import type { Page } from 'playwright-core'
import { TestPage } from './browser.ts'
import type { Device } from './two-devices.ts'
import type { TestNode, TestWorld } from './world.ts'

export class WebDevice implements Device {
  readonly name: string
  readonly disk: string
  readonly tellsPaths = false
  /** Of the pages before the one that is open. */
  readonly #complaints: string[] = []
  readonly #node: TestNode
  #opened: TestPage | undefined

  private constructor(name: string, node: TestNode, disk: string) {
    this.name = name
    this.#node = node
    this.disk = disk
  }

  static async start(world: TestWorld, name: string): Promise<WebDevice> {
    const short = name.toLowerCase().replaceAll(' ', '-')
    const device = new WebDevice(name, world.node(short), await world.directory(`${short}-disk`))
    await device.start()
    return device
  }

  get page(): Page {
    if (this.#opened === undefined) throw new Error(`${this.name} is not shown`)
    return this.#opened.page
  }

  /** But for calls that the node has refused, which are failed loads to a browser: what came of them is on the screen. */
  get complaints(): readonly string[] {
    const all = [...this.#complaints, ...(this.#opened?.complaints ?? [])]
    return all.filter((line) => !line.includes('Failed to load resource: the server responded'))
  }

  get home(): string {
    return this.#node.home
  }

  get output(): string {
    return this.#node.stderr
  }

  async openLink(link: string): Promise<void> {
    await this.page.getByRole('tab', { name: 'Join with a link' }).click()
    await this.page.getByRole('textbox', { name: 'Link' }).fill(link)
  }

  async start(): Promise<void> {
    await this.#node.up('--web')
    this.#opened = await TestPage.open(this.#node)
  }

  /** The tab dies; a person opens another. */
  async crashPage(): Promise<void> {
    const { page } = this
    const crashed = page.waitForEvent('crash')
    await page.goto('chrome://crash').catch(() => undefined) // it cannot answer any more
    await crashed
    await this[Symbol.asyncDispose]()
    this.#opened = await TestPage.open(this.#node)
  }

  /** The page first: it would complain that its node is gone. */
  async quit(): Promise<void> {
    await this[Symbol.asyncDispose]()
    await this.#node.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#complaints.push(...(this.#opened?.complaints ?? []))
    await this.#opened?.[Symbol.asyncDispose]()
    this.#opened = undefined
  }
}
