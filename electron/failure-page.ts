/**
 * The page that stands where the interface cannot: what is wrong, and what to do. No scripts; its links are acts of the
 * shell. What the node or the system said is among the details, in English, and can be copied.
 */
import type { LatticeError } from '#kernel/core/result.ts'
import type { ShellTexts } from './texts.ts'

export type Failure =
  { readonly of: 'node'; readonly error: LatticeError } | { readonly of: 'page'; readonly reason: string }

/** Paths that the shell acts on instead of loading them. */
export const failureActs = { retry: '/retry', newSpace: '/new-space', copy: '/copy', quit: '/quit' } as const

/** Kinds that have a sentence and an advice of their own. */
const known: readonly string[] = [
  'home-in-use',
  'home-unusable',
  'key-sealed',
  'key-damaged',
  'config-invalid',
  'store-corrupt',
  'space-damaged',
  'disk-full',
  'storage-io',
  'bad-address',
]

/** The key of the sentence; that of its advice is the same with `Advice` behind it. */
const sentenceKey = (failure: Failure): string => {
  if (failure.of === 'page') return 'crashed'
  return known.includes(failure.error.kind) ? failure.error.kind : 'other'
}

/** For whoever helps. */
export const failureDetails = (failure: Failure): string =>
  failure.of === 'node' ? `${failure.error.kind}: ${failure.error.message}` : `render-process-gone: ${failure.reason}`

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`)

/** `copied`: the details were just put on the clipboard. */
export const failureHtml = (failure: Failure, texts: ShellTexts, copied = false): string => {
  const say = (key: string): string => escape(texts.say(`failure.${key}`))
  const sentence = sentenceKey(failure)
  const link = (act: keyof typeof failureActs, label: string): string =>
    `<a id="${act}" href="${failureActs[act]}">${say(label)}</a>`
  return `<!doctype html>
<html lang="${texts.language}" dir="${texts.direction}">
  <head>
    <meta charset="utf-8" />
    <meta name="color-scheme" content="light dark" />
    <title>${say(failure.of)}</title>
    <link rel="stylesheet" href="/failure.css" />
  </head>
  <body>
    <main>
      <h1>${say(failure.of)}</h1>
      <p id="message">${say(sentence)}</p>
      <p id="advice">${say(`${sentence}Advice`)}</p>
      <h2>${say('details')}</h2>
      <pre id="details" lang="en" dir="ltr">${escape(failureDetails(failure))}</pre>
      <p class="acts">
        ${link('retry', failure.of === 'node' ? 'retry' : 'reopen')}
        ${sentence === 'space-damaged' ? link('newSpace', 'newSpace') : ''}
        ${link('copy', copied ? 'copied' : 'copy')}
        ${link('quit', 'quit')}
      </p>
    </main>
  </body>
</html>
`
}

export const failureStyle = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { max-width: 34rem; padding: 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; }
h2 { font-size: 1rem; margin-bottom: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 0.25rem; user-select: all; }
.acts { margin-top: 2rem; display: flex; flex-wrap: wrap; gap: 1rem; }
a { color: inherit; border: 1px solid currentcolor; border-radius: 0.5rem; padding: 0.5rem 1rem; text-decoration: none; }
a:focus-visible { outline: 2px solid; outline-offset: 2px; }
`
