/**
 * Around every file of tests of the desktop app: a desktop session of its own, so that files run side by side and none
 * meets what another left. Set up after `each-file.ts`, in whose directory it lies.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** In place of the interface, which would follow requests and take the port itself: the shell's tests want both. */
const plainPage = '<!doctype html>\n<html lang="en">\n  <title>Lattice</title>\n  <h1>Lattice</h1>\n</html>\n'

/** The app as it was built, with the plain page in place of the interface: for all tests that do not ask for it. */
const plainApp = (directory: string): string => {
  mkdirSync(join(directory, 'build', 'web'), { recursive: true })
  for (const name of ['desktop-main.cjs', 'desktop-preload.cjs', 'icons'])
    symlinkSync(fromHere(`../../build/${name}`), join(directory, 'build', name))
  writeFileSync(join(directory, 'build', 'web', 'index.html'), plainPage)
  return directory
}

/** Says where the session is, and stays in it until its input ends: with this process at the latest. */
const dweller = 'console.log(`session ${JSON.stringify(process.env)}`); process.stdin.resume()'

/** Starts a session, which the environment of this process is that of from then on; resolves with a way to end it. */
const enterSession = async (): Promise<() => Promise<void>> => {
  const home = join(tmpdir(), 'session')
  mkdirSync(home)
  const session = spawn(fromHere('desktop-session.sh'), [process.execPath, '-e', dweller], {
    env: { ...process.env, LATTICE_SESSION_DIR: home, LATTICE_TEST_APP: plainApp(join(home, 'app')) },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const exited = once(session, 'exit')
  // What its daemons say is read when it does not come about, and else by nobody.
  let output = ''
  session.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const environment = await new Promise<NodeJS.ProcessEnv>((resolve, reject) => {
    createInterface(session.stdout).on('line', (line) => {
      if (line.startsWith('session {')) resolve(JSON.parse(line.slice('session '.length)) as NodeJS.ProcessEnv)
    })
    exited.then(() => reject(new Error(`there is no desktop session:\n${output}`)), reject)
  })
  Object.assign(process.env, environment)
  return async () => {
    session.stdin.end()
    await exited
  }
}

if (!process.env['LATTICE_TEST_ELECTRON']) throw new Error('run these tests with `npm run e2e:electron`')
let leave: (() => Promise<void>) | undefined
beforeAll(async () => {
  leave = await enterSession()
})
afterAll(() => leave?.())
