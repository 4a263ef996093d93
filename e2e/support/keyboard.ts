/**
 * A person with a keyboard alone: finds things by Tab, acts with Enter, Space, the arrow keys and Escape, and sees at
 * every step where the focus is. Nothing here touches the mouse; `mouseless` proves it of a page.
 */
import type { Page } from 'playwright-core'

type Role = Parameters<Page['getByRole']>[0]

/** More than any screen has to step through. */
const STEPS_MAX = 120

interface Focused {
  readonly role: string
  readonly name: string
  readonly isSeen: boolean
}

/** What has the focus, as it is announced, and whether one sees that it has. Runs in the page. */
const describeFocus = (): Focused => {
  const element = document.activeElement
  if (!(element instanceof HTMLElement) || element === document.body) return { role: '', name: '', isSeen: false }
  const implicit: Record<string, string> = { A: 'link', BUTTON: 'button', INPUT: 'textbox', SELECT: 'combobox' }
  const type = element.getAttribute('type') ?? ''
  const ofInput = { checkbox: 'checkbox', range: 'slider', search: 'searchbox' }[type]
  const role = element.getAttribute('role') ?? ofInput ?? implicit[element.tagName] ?? ''
  const labelled = element.getAttribute('aria-labelledby')?.split(' ') ?? []
  const labels = 'labels' in element && element.labels instanceof NodeList ? [...element.labels] : []
  const words = [
    element.getAttribute('aria-label'),
    ...labelled.map((id) => document.getElementById(id)?.textContent),
    ...labels.map((label) => label.textContent),
    element.textContent,
  ]
  const name = words.find((text) => text?.trim())?.trim() ?? ''
  // A switch or checkbox of the library is an input nobody sees: what is drawn for it shows the focus.
  const drawn = [element, ...(element.closest('label')?.querySelectorAll('*') ?? [])]
  const isSeen = drawn.some((part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(part)
    const { width, height } = part.getBoundingClientRect()
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1 && width > 4 && height > 4
  })
  return { role, name, isSeen }
}

export class Keyboard {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  focused(): Promise<Focused> {
    return this.page.evaluate(describeFocus)
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key)
  }

  type(text: string): Promise<void> {
    return this.page.keyboard.type(text)
  }

  /** Steps on by Tab until this has the focus; the focus is seen on each step there. */
  async tabTo(role: Role, name: string | RegExp, key = 'Tab'): Promise<void> {
    await this.page.getByRole(role, { name }).first().waitFor() // a person sees first that it is there
    const isIt = ({ role: its, name: called }: Focused): boolean =>
      its === role && (typeof name === 'string' ? called === name : name.test(called))
    const passed: string[] = []
    for (let step = 0; step < STEPS_MAX; step++) {
      const at = await this.focused()
      if (at.name !== '' && !at.isSeen) throw new Error(`nobody sees that ${at.role} “${at.name}” has the focus`)
      if (isIt(at)) return
      passed.push(`${at.role} “${at.name.slice(0, 30)}”`)
      await this.press(key)
    }
    throw new Error(`Tab does not lead to ${role} “${String(name)}”, but to ${[...new Set(passed)].join(', ')}`)
  }

  /** Goes to a button or link, and presses it. */
  async use(role: Role, name: string | RegExp): Promise<void> {
    await this.tabTo(role, name)
    await this.press('Enter')
  }

  /** Goes to a field, and writes into it what it shall hold. */
  async fill(name: string | RegExp, text: string): Promise<void> {
    await this.tabTo('textbox', name)
    await this.press('Control+A')
    await this.type(text)
  }

  /** Tab goes round inside of what is open, and nowhere else. */
  async staysInside(selector: string, steps = 12): Promise<boolean> {
    for (let step = 0; step < steps; step++) {
      await this.press('Tab')
      const isInside = await this.page.evaluate((place) => document.activeElement?.closest(place) !== null, selector)
      if (!isInside) return false
    }
    return true
  }
}

/** From here on the page counts what comes of a mouse or a finger; resolves with how many so far. */
export const mouseless = async (page: Page): Promise<() => Promise<number>> => {
  const listen = (): void => {
    const counted = window as unknown as { pointed: number }
    counted.pointed = 0
    for (const type of ['pointerdown', 'mousedown', 'touchstart'])
      addEventListener(type, () => counted.pointed++, { capture: true })
  }
  await page.addInitScript(listen)
  await page.evaluate(listen)
  return () => page.evaluate(() => (window as unknown as { pointed: number }).pointed)
}
