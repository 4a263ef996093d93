import { CommanderError, type Command } from 'commander'
import { expect, test } from 'vitest'
import { createProgram } from './program.ts'

/** Parses without running: every action is replaced by one that notes what it was given. */
const parse = async (line: string): Promise<{ command: string; args: unknown[]; options: object }> => {
  let seen: { command: string; args: unknown[]; options: object } | undefined
  const program = createProgram()
  const instrument = (command: Command, prefix: string): void => {
    for (const child of command.commands) {
      const name = `${prefix}${child.name()}`
      child.action((...args) => {
        seen = { command: name, args: args.slice(0, -2), options: child.optsWithGlobals() }
      })
      child.configureOutput({ writeErr: () => {}, writeOut: () => {}, outputError: () => {} })
      instrument(child, `${name} `)
    }
  }
  program.configureOutput({ writeErr: () => {}, writeOut: () => {}, outputError: () => {} })
  instrument(program, '')
  await program.parseAsync(line.split(' '), { from: 'user' })
  return seen!
}

test.each([
  ['status --json --home /h', 'status', [], { json: true, home: '/h' }],
  ['--home /h status', 'status', [], { home: '/h' }],
  [
    'up --listen /ip4/127.0.0.1/tcp/0 --listen /ip6/::1/tcp/0 --no-mdns',
    'up',
    [],
    { listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'], mdns: false },
  ],
  ['up --web', 'up', [], { web: true }],
  ['up --web 8080', 'up', [], { web: 8080 }],
  [
    'settings set quiet-hours 22:00-07:00 sat@00:00-12:00',
    'settings set',
    ['quiet-hours', ['22:00-07:00', 'sat@00:00-12:00']],
    {},
  ],
  ['logs --follow --level error', 'logs', [], { follow: true, level: 'error' }],
  ['diagnostics -', 'diagnostics', ['-'], {}],
  ['web --json', 'web', [], { json: true }],
  ['folder add /p --name n', 'folder add', ['/p'], { name: 'n' }],
  ['folder wait n --timeout 30', 'folder wait', ['n'], { timeout: 30_000 }],
  ['invite n --role reader --expires 24h --uses 3', 'invite', ['n'], { role: 'reader', expires: 86_400_000, uses: 3 }],
  ['join lattice://join/x', 'join', ['lattice://join/x', undefined], {}],
  ['peer rename ab laptop', 'peer rename', ['ab', 'laptop'], {}],
  ['conflict show x', 'conflict show', ['x'], {}],
  ['conflict undo ab12', 'conflict undo', ['ab12'], {}],
  ['conflict resolve x --take ab', 'conflict resolve', ['x'], { take: 'ab' }],
  ['restore a.txt --at 2025-01-01', 'restore', ['a.txt'], { at: '2025-01-01' }],
  ['restore d --at 2025-01-01 --dry-run', 'restore', ['d'], { at: '2025-01-01', dryRun: true }],
  ['ls n sub --at 2025-01-01T00:00Z', 'ls', ['n', 'sub'], { at: Date.UTC(2025, 0, 1) }],
  ['trash restore n ab cd', 'trash restore', ['n', ['ab', 'cd']], {}],
  ['activity --device ben --limit 5', 'activity', [undefined], { device: 'ben', limit: 5 }],
  ['store log n --sexpr --from 2025-01-01T00:00Z', 'store log', ['n'], { sexpr: true, from: Date.UTC(2025, 0, 1) }],
])('%s', async (line, command, args, options) => {
  const seen = await parse(line)
  expect(seen.command).toBe(command)
  expect(seen.args).toEqual(args)
  expect(seen.options).toMatchObject(options)
})

test.each([
  'folder ad /p',
  'folder wait n --timeout soon',
  'invite n --role boss',
  'invite n --uses 0',
  'restore a',
  'status --nope',
  'up --web 65536',
  'up --web x',
  'settings set upload-limit',
  'logs --level loud',
  'ls',
  'trash restore n',
  'activity --from soon',
  'join',
])('%s makes no sense', async (line) => {
  await expect(parse(line)).rejects.toBeInstanceOf(CommanderError)
})
