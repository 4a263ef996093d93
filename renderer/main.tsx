/** Where the page starts: preferences, language, the way to the node, and then the app. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import './design/tokens.css'
import './design/base.css'
import { App } from './app/app.tsx'
import { ErrorBoundary } from './app/error-boundary.tsx'
import { openConnection } from './connection/transport.ts'
import { keepToken } from './connection/web-transport.ts'
import { startTranslations } from './i18n/languages.ts'
import { loadPreferences, spokenLanguage } from './state/preferences.ts'

// Where the time of a start goes, for whoever measures it (e2e/bench/desktop.mjs).
performance.mark('code read')
keepToken()
// Whoever pastes the address into the tab that asks for it changes the fragment alone, and loads nothing.
addEventListener('hashchange', () => {
  if (keepToken()) location.reload()
})

const place = document.getElementById('app')
if (place === null) throw new Error('The page has no place for the app.')

// Neither waits for the other. What fails here fails again, and is told, where it is needed.
const opening = openConnection()
opening.catch(() => undefined)
await startTranslations(spokenLanguage(loadPreferences(), navigator.languages))
const root = createRoot(place)
try {
  const connection = await opening
  performance.mark('connected')
  root.render(
    <StrictMode>
      <ErrorBoundary>
        <App connection={connection} />
      </ErrorBoundary>
    </StrictMode>,
  )
} catch (cause) {
  // The way to the node could not even be opened: said on a page, like every failure.
  const Failed = (): never => {
    throw cause
  }
  root.render(
    <ErrorBoundary>
      <Failed />
    </ErrorBoundary>,
  )
}
