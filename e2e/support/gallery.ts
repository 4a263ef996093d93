/**
 * Looks at screens as a person who speaks one language would: in English in both themes and with what is wrong for those
 * who use other senses, in the made-up languages for text that does not fit. Every picture goes to `build/screens/`.
 */
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { TestPage } from './browser.ts'
import { barriers, misfits } from './looks.ts'
import { sayingIn, type Screen, type View } from './screens/view.ts'
import type { TestNode } from './world.ts'

export const languagesSeen = ['en', 'en-XA', 'ar-XB'] as const
export type Language = (typeof languagesSeen)[number]

const taken = new URL('../../build/screens/', import.meta.url).pathname
const shown = new URL('../../docs/screens/', import.meta.url).pathname

/** Whether the pictures in the documentation are renewed: taking one costs more than looking at the screen. */
export const wantsPictures = process.env['LATTICE_SCREENS'] === '1'

const size = { width: 1060, height: 700 }
/** As wide as a window may be before the navigation moves below. */
const NARROW = 720

/** A window on a node, in one language. */
export class Visit implements AsyncDisposable {
  readonly view: View
  /** What was wrong, so far. */
  readonly findings: string[] = []
  readonly #language: Language
  readonly #opened: TestPage

  private constructor(opened: TestPage, view: View, language: Language) {
    this.#opened = opened
    this.view = view
    this.#language = language
  }

  static async to(node: TestNode, language: Language): Promise<Visit> {
    const opened = await TestPage.open(node, { locale: language === 'en' ? 'en-GB' : language })
    await mkdir(taken, { recursive: true })
    const view = { page: opened.page, web: node.ready.web ?? '', t: await sayingIn(language) }
    return new Visit(opened, view, language)
  }

  /** Goes there and looks; what is wrong is in `findings`. */
  async look(screen: Screen): Promise<void> {
    const { page } = this.view
    await page.setViewportSize(size)
    // Colours fade from one theme to the other; asking for less motion makes them change at once.
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await screen.open(this.view)
    await (this.#language === 'en' ? this.#inThemes(screen.name) : this.#inWidths(screen.name))
  }

  async #inThemes(name: string): Promise<void> {
    await this.#judge(name, (page) => barriers(page, 'all'), wantsPictures)
    await this.view.page.emulateMedia({ colorScheme: 'dark' })
    await this.#judge(`${name}-dark`, (page) => barriers(page, 'colours'), wantsPictures)
  }

  async #inWidths(name: string): Promise<void> {
    await this.#judge(`${name}-${this.#language}`, misfits)
    await this.view.page.setViewportSize({ ...size, width: NARROW })
    await this.#judge(`${name}-${this.#language}-narrow`, misfits)
  }

  /** Says what is wrong with what is shown, and takes a picture of it then. */
  async #judge(name: string, judge: (page: Page) => Promise<string[]>, wantsPicture = false): Promise<void> {
    const { page } = this.view
    const takePicture = () => page.screenshot({ path: join(taken, `${name}.png`) })
    if (wantsPicture) await takePicture()
    const found = await judge(page)
    this.findings.push(...found.map((finding) => `${name}: ${finding}`))
    if (found.length > 0) await takePicture()
  }

  /** What the page complained of, but for answers of the node that are errors: some screens are there to show those. */
  get complaints(): readonly string[] {
    return this.#opened.complaints.filter((line) => !/Failed to load resource: the server responded/.test(line))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]()
  }
}

/** Puts the pictures into the documentation, with a page that shows them. */
export const hang = async (screens: readonly Screen[]): Promise<void> => {
  await mkdir(shown, { recursive: true })
  for (const name of await readdir(shown)) await rm(join(shown, name))
  const lines = ['# Every screen', '', 'Taken by the tests, of real nodes with real files: `npm run screens`.', '']
  for (const { name, about, dark = false } of screens) {
    await copyFile(join(taken, `${name}.png`), join(shown, `${name}.png`))
    if (dark) await copyFile(join(taken, `${name}-dark.png`), join(shown, `${name}-dark.png`))
    lines.push(
      `## ${name}`,
      '',
      about,
      '',
      `![${about}](${name}.png)`,
      ...(dark ? [`![In the dark](${name}-dark.png)`] : []),
      '',
    )
  }
  await writeFile(join(shown, 'README.md'), lines.join('\n'))
}
