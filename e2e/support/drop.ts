/** Dropping a file or directory of the disk on a page, as a file manager does. */
import type { Page } from 'playwright-core'

/** Copy, link or move, as a file manager offers: the page chooses. */
const ALL_OPERATIONS = 19

export const dropOnWindow = async (page: Page, path: string): Promise<void> => {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: ALL_OPERATIONS }
  const { x, y } = await page.evaluate(() => ({ x: innerWidth / 2, y: innerHeight / 2 }))
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x, y, data })
  await session.detach()
}
