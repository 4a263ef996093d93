/**
 * How fast a folder takes in, sends off, deletes and renames many small files: `node fs-bridge/folder/folder.bench.ts
 * [files]`. Two devices in one process on real disks; what one wrote is handed to the other without a network.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { randomBytes } from 'node:crypto'
import { openPair } from './testing.ts'

const FILES = Number(process.argv[2] ?? 10_000)
const PER_DIR = 100
const SIZE = 4096

await using pair = await openPair()
const { a, b } = pair
const source = join(pair.base, 'source')
for (let at = 0; at < FILES; at += PER_DIR) {
  const dir = join(source, `d${at / PER_DIR}`)
  fs.mkdirSync(dir, { recursive: true })
  for (let n = at; n < Math.min(at + PER_DIR, FILES); n++) fs.writeFileSync(join(dir, `f${n}`), randomBytes(SIZE))
}

const delay = monitorEventLoopDelay({ resolution: 1 })
const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
  delay.reset()
  delay.enable()
  const before = a.store.dag.count
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  delay.disable()
  const { user, system } = process.threadCpuUsage(cpu)
  const rate = Math.round((FILES / ms) * 1000)
  const wrote = a.store.dag.count - before
  console.log(
    `${what.padEnd(22)} ${ms.toFixed(0).padStart(6)} ms ${String(rate).padStart(7)} files/s  longest turn` +
      ` ${(delay.max / 1e6).toFixed(0)} ms  main thread's cpu ${((user + system) / 1000).toFixed(0)} ms  intentions ${wrote}`,
  )
}
const run = (command: string, ...args: string[]): Promise<void> =>
  new Promise((resolve, reject) =>
    spawn(command, args, { stdio: 'inherit' }).on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`)),
    ),
  )

await a.open()
await b.open()
await a.folder.settled()
await b.folder.settled()
const arrive = async (): Promise<void> => {
  await b.pull(a)
  await b.folder.settled()
}
await timed('cp alone', () => run('cp', '-r', source, join(pair.base, 'copy')))
await timed('copied in', async () => {
  await run('cp', '-r', source, join(a.root, 'all'))
  await a.folder.settled()
})
await timed('arrives', arrive)
await timed('renamed', async () => {
  fs.renameSync(join(a.root, 'all'), join(a.root, 'moved'))
  await a.folder.settled()
})
await timed('rename arrives', arrive)
await timed('deleted', async () => {
  await run('rm', '-r', join(a.root, 'moved'))
  await a.folder.settled()
})
await timed('deletion arrives', arrive)
if (process.env['SCAN'])
  await timed('found by a scan', async () => {
    await a.folder.stop()
    fs.renameSync(source, join(a.root, 'all'))
    await a.open()
    await a.folder.settled()
  })
