/** What comes to the shell from outside: links, arguments, its own file, screens; and the autostart file it writes. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { autostartEntry } from './autostart-entry.ts'
import { isLanguage, parseDesktopFile } from './desktop-file.ts'
import { failureHtml } from './failure-page.ts'
import { findLink, parseLink } from './links.ts'
import { PlaceRequests } from './requests.ts'
import { parseStartArgs } from './start-args.ts'
import { ShellTexts } from './texts.ts'
import { placeWindow } from './window-place.ts'

test.each([
  ['lattice://join/abc', 'lattice://join/abc'],
  [' lattice://join/abc\n', 'lattice://join/abc'],
  ['LATTICE://join/abc', 'LATTICE://join/abc'],
  ['lattice:join', 'lattice:join'],
  ['https://x/lattice://join', undefined],
  ['lattice://join/a b', 'lattice://join/a b'],
  ['lattice://join/ä', 'lattice://join/ä'],
  [`lattice://${'a'.repeat(20_000)}`, `lattice://${'a'.repeat(16_374)}`],
  ['latticex://join/a', undefined],
  ['', undefined],
])('the link in %j', (text, link) => {
  expect(parseLink(text)).toBe(link)
})

test('a command line gives its first link, wherever it stands', () => {
  expect(findLink(['/usr/bin/lattice', '--no-sandbox', 'lattice://join/a', 'lattice://join/b'])).toBe(
    'lattice://join/a',
  )
  expect(findLink(['lattice', '--hidden'])).toBeUndefined()
})

test('our arguments are found among those of Chromium', () => {
  const args = parseStartArgs([
    '--no-sandbox',
    '--home=/h',
    '--remote-debugging-port=0',
    '--listen=/ip4/1',
    '--hidden',
    '.',
  ])
  expect(args).toEqual({ home: '/h', listen: ['/ip4/1'], localDiscovery: true, hidden: true })
  expect(parseStartArgs(['--home', '--no-mdns'])).toMatchObject({ listen: [], hidden: false })
})

test('the file of the app is whatever, and makes settings all the same', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const file = parseDesktopFile(text)
      expect(['system', 'light', 'dark']).toContain(file.theme)
      expect(isLanguage(file.language)).toBe(true)
    }),
  )
  const window = { x: -5, y: 3, width: 800, height: 600, maximized: true }
  expect(parseDesktopFile(JSON.stringify({ theme: 'dark', language: 'pt-BR', window }))).toEqual({
    theme: 'dark',
    language: 'pt-BR',
    window,
  })
  expect(parseDesktopFile(JSON.stringify({ theme: 'pink', language: '../..', window: { ...window, x: 1e9 } }))).toEqual(
    { theme: 'system', language: '' },
  )
})

const screen = { x: 0, y: 0, width: 1920, height: 1080 }
const place = { x: 100, y: 100, width: 900, height: 700, maximized: false }

test('the window comes back where it was, unless no screen would show it', () => {
  expect(placeWindow(place, [screen])).toEqual({ x: 100, y: 100, width: 900, height: 700 })
  expect(placeWindow({ ...place, x: 5000 }, [screen])).toEqual({ width: 900, height: 700 })
  expect(placeWindow({ ...place, x: 5000 }, [screen, { ...screen, x: 4000 }])).toMatchObject({ x: 5000 })
  expect(placeWindow({ ...place, y: -500 }, [screen])).toEqual({ width: 900, height: 700 })
  expect(placeWindow({ ...place, width: 9000 }, [screen])).toMatchObject({ width: 1920 })
  expect(placeWindow({ ...place, width: 10, height: 10 }, [screen])).toMatchObject({ width: 640, height: 480 })
  expect(placeWindow(undefined, [screen])).not.toHaveProperty('x')
})

test('the autostart file quotes what it starts', () => {
  const comments = { en: 'Keeps', de: 'Hält' }
  const entry = autostartEntry(['/opt/My "Apps"/100% $HOME/lattice', '--hidden'], comments)
  expect(entry).toContain(String.raw`Exec="/opt/My \\"Apps\\"/100%% \\$HOME/lattice" "--hidden"`)
  expect(entry).toContain('\nComment=Keeps\nComment[de]=Hält\n')
})

test('what failed is text on the failure page, never markup', () => {
  const error = { kind: 'home-in-use', severity: 'permanent', message: '<script>x</script> & "y"' } as const
  const html = failureHtml({ of: 'node', error }, new ShellTexts(['en']))
  expect(html).not.toContain('<script>')
  expect(html).toContain('&#60;script&#62;x&#60;/script&#62; &#38; &#34;y&#34;')
})

test('requests wait for a page, are told once, and go to the page that asked last', async () => {
  const requests = new PlaceRequests()
  for (let n = 0; n < 20; n++) requests.add({ case: 'show', value: `/${n}` })
  const stop = new AbortController()
  const first = requests.follow(stop.signal)
  const told: string[] = []
  for (let n = 0; n < 16; n++) told.push(String((await first.next()).value?.value))
  expect(told).toEqual(Array.from({ length: 16 }, (_, n) => `/${n + 4}`)) // the latest
  const waiting = first.next()
  const second = requests.follow(stop.signal)
  const next = second.next()
  expect((await waiting).done).toBe(true)
  requests.add({ case: 'joinLink', value: 'lattice://join/x' })
  expect((await next).value).toEqual({ case: 'joinLink', value: 'lattice://join/x' })
  const last = second.next()
  stop.abort()
  expect((await last).done).toBe(true)
})
