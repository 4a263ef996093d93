/** Nothing that the shell says is outside its translations: in the accented language every text stands in brackets. */
import { create } from '@bufbuild/protobuf'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NoticeKind, NoticeSchema, WatchResponseSchema } from '#proto/event_api'
import { FolderState } from '#proto/folder_api'
import english from '#renderer/i18n/en/shell.json' with { type: 'json' }
import { failureHtml } from './failure-page.ts'
import { notificationFor } from './notices.ts'
import { ShellTexts } from './texts.ts'
import { trayMenu, trayTooltip, type MenuEntry } from './tray-menu.ts'
import { nodeDown, stepView, type NodeView } from './tray-state.ts'

const { say } = new ShellTexts(['en-XA'])
const isTranslated = (text: string): boolean => text.startsWith('[') && text.endsWith(']')

const viewWith = (state: FolderState, count = 1): NodeView =>
  stepView(
    nodeDown,
    create(WatchResponseSchema, {
      event: {
        case: 'snapshot',
        value: {
          status: {
            folders: Array.from({ length: count }, (_, n) => ({ storeId: new Uint8Array(32).fill(n), state })),
          },
        },
      },
    }),
  )

const allLabels = (entries: readonly MenuEntry[]): string[] =>
  entries.flatMap((entry) => {
    if (entry.kind === 'separator') return []
    return [entry.label, ...(entry.kind === 'submenu' ? allLabels(entry.entries) : [])]
  })

const folderStates = [
  FolderState.UNSPECIFIED,
  FolderState.SCANNING,
  FolderState.SYNCING,
  FolderState.IDLE,
  FolderState.PAUSED,
  FolderState.ERROR,
  FolderState.AVAILABLE,
]

test('the tray', () => {
  const views = [nodeDown, ...folderStates.map((state) => viewWith(state, 25))]
  const texts = views.flatMap((view) => [trayTooltip(view, say), ...allLabels(trayMenu(view, say))])
  expect(texts.length).toBeGreaterThan(100)
  expect(texts.filter((text) => !isTranslated(text))).toEqual([])
})

test('notifications', () => {
  const kinds = Object.values(NoticeKind).filter((kind): kind is NoticeKind => typeof kind === 'number' && kind > 0)
  for (const kind of kinds)
    for (const about of ['', 'x']) {
      const { title, body } = notificationFor(create(NoticeSchema, { kind, about }), nodeDown, say)!
      expect([title, body].filter((text) => !isTranslated(text))).toEqual([])
    }
})

test('failure pages', () => {
  const errors = Object.keys(english.failure)
    .filter((key) => key.endsWith('Advice') && key !== 'crashedAdvice')
    .map((key) => ({ kind: key.replace('Advice', ''), severity: 'permanent', message: 'X' }) as const)
  expect(errors.length).toBeGreaterThan(8)
  const texts = new ShellTexts(['en-XA'])
  const failures = [...errors.map((error) => ({ of: 'node', error }) as const), { of: 'page', reason: 'X' } as const]
  const sentences = failures.map((failure) => {
    const html = failureHtml(failure, texts, failure.of === 'page')
    const said = [...html.matchAll(/<(title|h1|p id[^>]*|h2|a [^>]*)>([^<]*)</g)].map(([, , text]) => text!)
    expect(said).toHaveLength(failure.of === 'node' && failure.error.kind === 'space-damaged' ? 9 : 8)
    expect(said.filter((text) => !isTranslated(text))).toEqual([])
    return said[2]
  })
  // Each kind that has texts is told with its own, and not with those for what is unknown.
  expect(new Set(sentences).size).toBe(failures.length)
})

test('each key that is asked for by name exists, in every language', () => {
  const sources = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const keys = sources.flatMap((name) =>
    [...readFileSync(`${import.meta.dirname}/${name}`, 'utf8').matchAll(/(?:say|inAll)\(\s*'([^']+)'/g)].map(
      ([, key]) => key!,
    ),
  )
  expect(keys.length).toBeGreaterThan(20)
  for (const language of ['en', 'de', 'es']) {
    const texts = new ShellTexts([language])
    const relative = ['retry', 'copy', 'quit', 'details'] // of the failure page, looked at above
    for (const key of keys.filter((key) => !relative.includes(key))) expect(texts.say(key, { count: 2 })).not.toBe(key)
  }
})

test('a change of the language holds at once, and names are shown as they are', () => {
  const texts = new ShellTexts(['fr', 'es-MX'])
  expect(texts.say('tray.quit')).toBe('Salir de Lattice')
  texts.speak(['de', 'es'])
  expect(texts.language).toBe('de')
  expect(texts.say('tray.folder', { name: '{{state}} $t(tray.quit) <b>', state: 'x' })).toBe(
    '{{state}} $t(tray.quit) <b> (x)',
  )
  expect(new ShellTexts(['ar-XB']).direction).toBe('rtl')
})
