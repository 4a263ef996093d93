/**
 * What no page may do here, whatever it was made to run: leave our scheme, open windows, embed, ask the system for
 * rights. Pages reach the node through their port only (ports.ts).
 */
import type { App, Session, WebContents } from 'electron'
import { APP_URL, SCHEME } from './pages.ts'

/** The one right a page has: putting text on the clipboard when a person presses "copy". */
const GRANTED = 'clipboard-sanitized-write'

const isOurs = (url: string): boolean => url === APP_URL || url.startsWith(APP_URL)

/** `navigated` is told where a page wanted to go; it never gets there by itself. */
export const hardenContents = (app: App, navigated: (contents: WebContents, url: string) => void): void => {
  app.on('web-contents-created', (_, contents) => {
    // Told of every frame, and before `will-navigate`, which does not come for what was prevented here.
    contents.on('will-frame-navigate', (event) => {
      event.preventDefault()
      if (event.isMainFrame) navigated(contents, event.url)
    })
    contents.on('will-navigate', (event) => event.preventDefault())
    contents.on('will-redirect', (event) => event.preventDefault())
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  })
  app.on('certificate-error', (_event, _contents, _url, _error, _certificate, answer) => answer(false))
}

export const hardenSession = (session: Session): void => {
  session.setPermissionRequestHandler((contents, permission, answer) =>
    answer(permission === GRANTED && isOurs(contents.getURL())),
  )
  session.setPermissionCheckHandler(
    (contents, permission) => contents !== null && permission === GRANTED && isOurs(contents.getURL()),
  )
  session.setDevicePermissionHandler(() => false)
  // Also what a policy would let through, such as the tools for developers fetching something.
  session.webRequest.onBeforeRequest(({ url }, answer) => {
    const { protocol } = new URL(url)
    answer({
      cancel: protocol !== `${SCHEME}:` && protocol !== 'blob:' && protocol !== 'data:' && protocol !== 'devtools:',
    })
  })
  session.on('will-download', (event) => event.preventDefault())
}
