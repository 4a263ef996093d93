/** What no page of the app may do, tried from inside it; the same for the app in a checkout and as packaged. */
import { expect, test } from 'vitest'

interface AnyPage {
  evaluate<R>(run: () => R | Promise<R>): Promise<R>
}

export const checkPage = (page: () => AnyPage): void => {
  test('there is no Node in the page, and of the shell two functions only', async () => {
    const found = await page().evaluate(() => ({
      node: ['require', 'process', 'module', 'Buffer', 'global', '__dirname'].filter((name) => name in window),
      shell: Object.keys(Reflect.get(window, 'lattice') as object),
    }))
    expect(found).toEqual({ node: [], shell: ['requestPort', 'pathForFile'] })
  })

  test('inline scripts and code made of text do not run', async () => {
    const ran = await page().evaluate(async () => {
      const violated = new Promise((resolve) =>
        document.addEventListener('securitypolicyviolation', resolve, { once: true }),
      )
      const script = document.createElement('script')
      script.textContent = 'window.injected = true'
      document.body.append(script)
      await violated
      return 'injected' in window
    })
    expect(ran).toBe(false)
  })

  test('the page is refused what it asks the system for', async () => {
    const answers = await page().evaluate(async () => ({
      notifications: await Notification.requestPermission(),
      camera: await navigator.mediaDevices.getUserMedia({ video: true }).then(
        () => 'granted',
        () => 'refused',
      ),
      place: await new Promise((resolve) =>
        navigator.geolocation.getCurrentPosition(
          () => resolve('granted'),
          ({ code }) => resolve(code === GeolocationPositionError.PERMISSION_DENIED ? 'refused' : 'failed'),
        ),
      ),
    }))
    expect(answers).toEqual({ notifications: 'denied', camera: 'refused', place: 'refused' })
  })

  test('the page fetches nothing from outside', async () => {
    const outcome = await page().evaluate(() =>
      fetch('https://example.com/').then(
        () => 'fetched',
        () => 'refused',
      ),
    )
    expect(outcome).toBe('refused')
  })
}
