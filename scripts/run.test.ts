/** `runGroup`, in a process of its own: what the program has started does not outlive it, nor us; nor does what is captured. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const runner = new URL('lib/run.mjs', import.meta.url).href

/** Runs a program that starts another, which says that it is there and does not listen to SIGTERM. */
const running = (program: string): ChildProcessByStdio<null, Readable, null> => {
  const other = `process.on('SIGTERM', () => undefined); setTimeout(() => undefined, 60_000); console.log('there')`
  const starts = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(other)}], { stdio: 'inherit' });`
  const script = `
    import { runGroup } from ${JSON.stringify(runner)}
    process.exitCode = await runGroup(process.execPath, ['-e', ${JSON.stringify(starts + program)}])`
  const args = ['--input-type=module', '-e', script]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('what a program leaves behind ends with it', async () => {
  const run = running(`process.on('SIGUSR2', () => process.exit(3)); console.log('head', process.pid)`)
  const exited = once(run, 'exit')
  let said = ''
  for await (const part of run.stdout.setEncoding('utf8')) {
    said += part as string
    const [, head] = /^head (\d+)$/m.exec(said) ?? []
    if (head !== undefined && said.includes('there')) process.kill(Number(head), 'SIGUSR2')
  }
  // All that could write to it are gone.
  expect(await exited).toEqual([3, null])
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'told to end by %s it ends all of them, then itself',
  async (signal) => {
    const run = running('')
    const exited = once(run, 'exit')
    run.stdout.once('data', () => run.kill(signal))
    await text(run.stdout)
    expect(await exited).toEqual([null, signal])
  },
)

test('what is captured beside it ends with it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connects = `require('node:net').connect(${port}, '127.0.0.1')`
  const script = `
    import { capture, runGroup } from ${JSON.stringify(runner)}
    void capture(process.execPath, ['-e', ${JSON.stringify(connects)}])
    process.exitCode = await runGroup(process.execPath, ['-e', 'setTimeout(() => undefined, 60_000)'])`
  const run = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [socket] = (await once(server, 'connection')) as [Socket]
  run.kill()
  await once(socket.resume(), 'close')
  server.close()
})
