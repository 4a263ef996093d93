/** In front of a window: what a screen is, and how one comes to it. */
import i18next, { type TFunction } from 'i18next'
import type { Page } from 'playwright-core'
import { resources } from '#renderer/i18n/languages.ts'

/** Somebody in front of a window. */
export interface View {
  readonly page: Page
  /** The address of the page, without a fragment. */
  readonly web: string
  readonly t: TFunction
}

export interface Screen {
  /** Of its picture. */
  readonly name: string
  readonly about: string
  readonly open: (view: View) => Promise<unknown>
  /** Its picture in docs/screens has a dark one beside it. */
  readonly dark?: boolean
}

/** What a language says for a key, as `feature:key`. */
export const sayingIn = async (language: string): Promise<TFunction> => {
  const speech = i18next.createInstance()
  return speech.init({
    resources: resources(),
    lng: language,
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
  })
}

/** To another address, with nothing left open over the page and the pointer out of the way. */
export const go = async ({ page, web }: View, route: string): Promise<void> => {
  await page.evaluate(() => dispatchEvent(new DragEvent('dragleave')))
  const overlays = page.locator('[role=dialog], [role=alertdialog], [role=menu], [role=listbox]')
  for (let open = await overlays.count(); open > 0; open = await overlays.count()) {
    await page.keyboard.press('Escape')
    await overlays.nth(open - 1).waitFor({ state: 'detached' })
  }
  await page.mouse.move(0, 0)
  await page.goto(`${web}#${route}`)
  await page.getByRole('main').locator('h1, [role=status], [role=alert]').first().waitFor()
}

export const press = (view: View, key: string, options: Record<string, unknown> = {}): Promise<void> =>
  view.page
    .getByRole('button', { name: view.t(key, options), exact: true })
    .first()
    .click()

export const choose = async (view: View, more: string, entry: string): Promise<void> => {
  await view.page.getByRole('button', { name: more, exact: true }).click()
  await view.page.getByRole('menuitem', { name: view.t(entry), exact: true }).click()
  await view.page.getByRole('dialog').or(view.page.getByRole('alertdialog')).waitFor()
}

export const row = (view: View, name: string) => view.page.getByRole('row').filter({ hasText: name })

export const begin = async (view: View): Promise<void> => {
  await view.page.goto(view.web)
  await view.page.reload()
  await press(view, 'onboarding:name.submit')
  await view.page.getByRole('tablist').waitFor()
}

/** The form for a link, on a device that has nothing yet. */
export const beginWithLink = async (view: View): Promise<void> => {
  await begin(view)
  await view.page.getByRole('tab', { name: view.t('onboarding:begin.join') }).click()
}

/** Fills in the form for a link and has it looked at. */
export const look = async (view: View, link: string): Promise<void> => {
  await view.page.getByRole('textbox', { name: view.t('pairing:join.link') }).fill(link)
  await press(view, 'pairing:join.look')
  await view.page.getByLabel(view.t('pairing:join.path')).waitFor()
}
