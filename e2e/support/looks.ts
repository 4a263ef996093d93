/** What can be wrong with how a screen looks: found in the page itself, said in a line each. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Rules that judge colours: the others say the same in every theme. */
const ofColours = ['color-contrast', 'link-in-text-block']

/** What axe finds serious or critical: by all of its rules, or by those that judge colours. */
export const barriers = async (page: Page, rules: 'all' | 'colours'): Promise<string[]> => {
  // Half a megabyte, so once for each document and not, as its own library does, twice for each look.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  return page.evaluate(findBarriers, rules === 'all' ? undefined : ofColours)
}

/** Runs in the page, where axe is. */
const findBarriers = async (rules: string[] | undefined): Promise<string[]> => {
  const { run } = Reflect.get(window, 'axe') as typeof axe
  // The library's announcer names buttons that may be gone by the time axe looks; it is seen by nobody, and empties itself.
  const { violations } = await run(
    { exclude: [['[data-live-announcer]']] },
    { resultTypes: ['violations'], ...(rules && { runOnly: rules }) },
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}

/**
 * Text that an ancestor cuts off, and parts that are wider than the window. Runs in the page. Text that can be scrolled
 * to is not cut off; a name that is shortened on purpose says the whole of it in a title.
 */
const findMisfits = (): string[] => {
  const found = new Set<string>()
  const say = (element: Element): string => {
    const text = (element.textContent ?? '').trim().replaceAll(/\s+/g, ' ').slice(0, 60)
    return `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''} “${text}”`
  }
  const cuts = (overflow: string): boolean => overflow === 'hidden' || overflow === 'clip'
  const checkText = (node: Node): void => {
    const range = document.createRange()
    range.selectNodeContents(node)
    const text = range.getBoundingClientRect()
    if (text.width === 0 || text.height === 0) return
    let [across, down] = [true, true] // whether an ancestor may still cut it
    for (let at = node.parentElement; at !== null && (across || down); at = at.parentElement) {
      const { overflowX, overflowY, clipPath, contain, position } = getComputedStyle(at)
      const box = at.getBoundingClientRect()
      if (clipPath !== 'none' || box.width <= 1) return // said to those who listen, not to those who look
      const isPainted = overflowX === 'visible' && /strict|paint|content/.test(contain)
      if (across && (cuts(overflowX) || isPainted) && (text.left < box.left - 1 || text.right > box.right + 1)) {
        const whole = node.parentElement?.closest('[title]')?.getAttribute('title') ?? ''
        if (!whole.includes((node.textContent ?? '').trim()))
          found.add(`cut off at the side: ${say(node.parentElement!)}`)
        across = false
      }
      if (down && (cuts(overflowY) || isPainted) && (text.top < box.top - 2 || text.bottom > box.bottom + 2)) {
        found.add(`cut off above or below: ${say(node.parentElement!)}`)
        down = false
      }
      if (!cuts(overflowX) && overflowX !== 'visible') across = false
      if (!cuts(overflowY) && overflowY !== 'visible') down = false
      if (position === 'fixed') break
    }
    if (across && (text.left < -1 || text.right > innerWidth + 1))
      found.add(`beside the window: ${say(node.parentElement!)}`)
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) if (texts.currentNode.textContent?.trim()) checkText(texts.currentNode)
  for (const element of document.querySelectorAll(
    'html, main, [role=dialog], [role=alertdialog], [role=dialog] *, section',
  ))
    if (element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1) {
      const { overflowX, textOverflow, clipPath } = getComputedStyle(element)
      const isMeantTo = element.matches('pre, code, input, [role=grid], [tabindex="0"]') || textOverflow === 'ellipsis'
      if (!isMeantTo && overflowX !== 'visible' && clipPath === 'none')
        found.add(`wider than its place: ${say(element)}`)
      if (element.tagName === 'HTML') found.add('the page is wider than the window')
    }
  return [...found]
}

/** Frames in which a view may still be finding its place, after the window changed its size. */
const FRAMES_MAX = 90

export const misfits = async (page: Page): Promise<string[]> => {
  let found = await page.evaluate(findMisfits)
  for (let frame = 0; frame < FRAMES_MAX && found.length > 0; frame++) {
    await page.evaluate(() => new Promise(requestAnimationFrame))
    found = await page.evaluate(findMisfits)
  }
  return found
}
