/** The page that stands where the interface cannot: what is wrong, and what to do. No scripts; its links are acts of the shell. */
import type { LatticeError } from '#kernel/core/result.ts'

export interface Failure {
  readonly title: string
  readonly message: string
  readonly advice: string
}

/** Paths that the shell acts on instead of loading them. */
export const failureActs = { retry: '/retry', quit: '/quit' } as const

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`)

/** By the kind of the error; what is not listed has its advice in its sentence. */
const advices: Readonly<Record<string, string>> = {
  'home-locked':
    'Another Lattice uses this home. Quit it (on a command line: lattice status says which), then try again.',
  'home-unusable': 'Check that the directory exists, is yours, and that the disk is not full or read-only.',
  'key-sealed': 'Unlock the keychain of your session, then try again. Your files are untouched.',
  'key-damaged': 'Restore the named file from a backup. Your files are untouched.',
  'config-invalid': 'Correct the named file, or move it away to start with the defaults.',
  'store-corrupt': 'Your files are untouched. “lattice doctor” says more.',
  'listen-failed': 'Another program may use the port. Change “listen” in config.json, or quit that program.',
}

export const nodeFailure = ({ kind, message }: LatticeError): Failure => ({
  title: 'Lattice could not start',
  message: `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
  advice: advices[kind] ?? 'Your files are untouched. Try again; if it stays like this, “lattice doctor” says more.',
})

export const pageFailure = (reason: string): Failure => ({
  title: 'The window stopped working',
  message: `The part of Lattice that draws this window ended unexpectedly (${reason}).`,
  advice: 'Syncing goes on. What you were about to change may not be saved: look at it after opening the window again.',
})

export const failureHtml = ({ title, message, advice }: Failure): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="color-scheme" content="light dark" />
    <title>${escape(title)}</title>
    <link rel="stylesheet" href="/failure.css" />
  </head>
  <body>
    <main>
      <h1>${escape(title)}</h1>
      <p id="message">${escape(message)}</p>
      <p id="advice">${escape(advice)}</p>
      <p class="acts"><a id="retry" href="${failureActs.retry}">Try again</a> <a id="quit" href="${failureActs.quit}">Quit Lattice</a></p>
    </main>
  </body>
</html>
`

export const failureStyle = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { max-width: 34rem; padding: 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; }
.acts { margin-top: 2rem; display: flex; gap: 1rem; }
a { color: inherit; border: 1px solid currentcolor; border-radius: 0.5rem; padding: 0.5rem 1rem; text-decoration: none; }
a:focus-visible { outline: 2px solid; outline-offset: 2px; }
`
