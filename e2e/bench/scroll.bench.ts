/**
 * What scrolling through a directory of very many files costs the page that shows it: a real node with `--web`, files
 * on a real disk, a real Chromium, its own trace.
 *
 *   node e2e/bench/scroll.bench.ts [files, default 100000] [--json]
 *
 * Each way of moving is traced on its own. The machine has other things to do, so each figure is given twice, on the
 * wall and as processor time of the page's main thread. Ends with exit code 1 when a frame took it more than 50 ms of
 * processor time.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type Locator, type Page } from 'playwright-core'
import { chromiumPath } from '../support/browser.ts'
import { TestWorld, type TestNode } from '../support/world.ts'
import { CATEGORIES, FRAME_MAX_MS, readTrace, type Figures, type Span } from './trace.ts'

const FOLDER = 'many'
const NOTCHES = 300
/** What one notch of a mouse wheel moves. */
const NOTCH_PX = 120
const STEPS = 200
/** As wide as Chromium draws it, with arrows as high as that. */
const BAR_PX = 15
const DEADLINE_MS = 120_000

interface Shown {
  readonly browser: Browser
  readonly page: Page
  readonly grid: Locator
}

/** With the bars a person would drag, which a headless browser leaves out otherwise. */
const openBrowser = (): Promise<Browser> => {
  const executablePath = chromiumPath()
  if (executablePath === undefined) throw new Error('there is no Chromium: see chromiumPath')
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    ignoreDefaultArgs: ['--hide-scrollbars'],
  })
}

const traced = async ({ browser, page }: Shown, act: () => Promise<void>): Promise<Figures> => {
  await browser.startTracing(page, { categories: CATEGORIES })
  await act()
  return readTrace(await browser.stopTracing())
}

/** How far down the grid is: 0 at its top, 1 at its end. */
const positionOf = ({ grid }: Shown): Promise<number> =>
  grid.evaluate((element) => element.scrollTop / (element.scrollHeight - element.clientHeight))

/** Waits until the grid is where it was told to go, and shows it: scrolling goes on after the input was taken. */
const arrived = async (shown: Shown, end: 'top' | 'end'): Promise<void> => {
  await shown.page.waitForFunction(
    ([element, isEnd]) => {
      const left = element!.scrollHeight - element!.clientHeight - element!.scrollTop
      return isEnd ? left < 1 : element!.scrollTop < 1
    },
    [await shown.grid.elementHandle(), end === 'end'] as const,
    { polling: 'raf' },
  )
  const count = Number(await shown.grid.getAttribute('aria-rowcount'))
  await shown.grid.locator(`[aria-rowindex="${end === 'end' ? count : 2}"]`).waitFor()
}

const toTop = async (shown: Shown): Promise<void> => {
  await shown.grid.evaluate((element) => element.scrollTo({ top: 0 }))
  await arrived(shown, 'top')
}

const boxOf = async ({ grid }: Shown) => {
  const box = await grid.boundingBox()
  if (box === null) throw new Error('the grid is not in sight')
  return box
}

const ways: Readonly<Record<string, (shown: Shown) => Promise<void>>> = {
  async 'wheel, by notches'(shown) {
    const { x, y } = await boxOf(shown)
    await shown.page.mouse.move(x + 200, y + 300)
    for (let i = 0; i < NOTCHES; i++) await shown.page.mouse.wheel(0, NOTCH_PX)
  },
  async 'wheel, to the end'(shown) {
    const { x, y } = await boxOf(shown)
    await shown.page.mouse.move(x + 200, y + 300)
    const height = await shown.grid.evaluate((element) => element.scrollHeight)
    for (let i = 0; i < NOTCHES; i++) await shown.page.mouse.wheel(0, Math.ceil(height / NOTCHES))
    await arrived(shown, 'end')
  },
  async 'bar, dragged'(shown) {
    const { x, y, width, height } = await boxOf(shown)
    const right = x + width - BAR_PX / 2
    const top = y + 1.75 * BAR_PX // below the bar's arrow, on its thumb
    const way = height - 3.5 * BAR_PX
    await shown.page.mouse.move(right, top)
    await shown.page.mouse.down()
    for (let i = 1; i <= STEPS; i++) await shown.page.mouse.move(right, top + (way * i) / STEPS)
    await shown.page.mouse.up()
    if ((await positionOf(shown)) < 0.9) throw new Error('the bar did not follow the mouse')
  },
  async 'bar, jumps'(shown) {
    await shown.grid.evaluate(async (element, steps) => {
      for (let i = 1; i <= steps; i++) {
        // The golden ratio leads everywhere and never twice to the same place.
        element.scrollTo({ top: element.scrollHeight * ((i * 0.618034) % 1) })
        await new Promise(requestAnimationFrame)
      }
    }, STEPS)
  },
  async 'keys, page by page'(shown) {
    await shown.grid.focus()
    await shown.page.keyboard.press('Home')
    for (let i = 0; i < STEPS; i++) await shown.page.keyboard.press('PageDown')
    await shown.page.keyboard.press('End')
    await arrived(shown, 'end')
    for (let i = 0; i < STEPS; i++) await shown.page.keyboard.press('ArrowUp')
  },
}

const openApp = async (browser: Browser, node: TestNode): Promise<Shown> => {
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 780 } })).newPage()
  page.setDefaultTimeout(DEADLINE_MS)
  await page.goto(await node.ok('web'))
  await page.getByRole('navigation').first().waitFor()
  return { browser, page, grid: page.getByRole('grid') }
}

/** Opens the directory and waits until all its rows are there. */
const openDirectory = async ({ page }: Shown, node: TestNode): Promise<void> => {
  await page.goto(`${node.ready.web}#/files/${FOLDER}`)
  await page.getByRole('status').getByText(files.toLocaleString('en')).waitFor()
}

const print = (way: string, figures: Figures): void => {
  const { worstTask, worstFrame, p99Frame, meanFrame, longFrames, droppedFrames, drawnFrames } = figures
  const ms = ({ wall, cpu }: Span): string => `${wall.toFixed(1)} / ${cpu.toFixed(1)}`.padStart(16)
  const spans = [worstTask, worstFrame, p99Frame, meanFrame].map(ms).join('')
  const over = `${longFrames.wall} / ${longFrames.cpu}`.padStart(10)
  const dropped = `${droppedFrames} of ${droppedFrames + drawnFrames}`.padStart(13)
  console.log(way.padEnd(20) + String(figures.frames).padStart(7) + spans + over + dropped)
}

const measure = async (node: TestNode): Promise<Readonly<Record<string, Figures>>> => {
  await using browser = await openBrowser()
  const shown = await openApp(browser, node)
  const all: Record<string, Figures> = { opening: await traced(shown, () => openDirectory(shown, node)) }
  for (const [way, act] of Object.entries(ways)) {
    await toTop(shown)
    all[way] = await traced(shown, () => act(shown))
  }
  return all
}

const isJson = process.argv.includes('--json')
const files = Number(process.argv.slice(2).find((argument) => argument !== '--json') ?? 100_000)
await using world = await TestWorld.create()
const node = world.node('bench')
const directory = await world.directory(FOLDER)
for (let i = 0; i < files; i++) writeFileSync(join(directory, `file-${String(i).padStart(6, '0')}.txt`), '')
await node.up('--web')
await node.ok('folder', 'add', directory, '--name', FOLDER)
await node.ok('folder', 'wait', FOLDER, '--timeout', '600')
const all = await measure(node)
if (isJson) console.log(JSON.stringify({ files, ways: all }, undefined, 2))
else {
  console.log(`${files} rows; ms on the wall / of the processor; over: frames of more than ${FRAME_MAX_MS} ms`)
  const heads = ['worst task', 'worst frame', 'p99 frame', 'mean frame'].map((head) => head.padStart(16)).join('')
  console.log(`${' '.repeat(20)} frames${heads}${'over'.padStart(10)}${'dropped'.padStart(13)}`)
  for (const [way, figures] of Object.entries(all)) print(way, figures)
}
if (Object.values(all).some(({ longFrames }) => longFrames.cpu > 0)) process.exitCode = 1
