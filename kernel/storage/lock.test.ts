import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockHome } from './lock.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-lock-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const holder = async () => {
  const script = `
    const { lockHome } = await import(${JSON.stringify(new URL('lock.ts', import.meta.url).href)})
    globalThis.lock = await lockHome(${JSON.stringify(home)})
    process.stdout.write('held')
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

test('a second lock in the process is refused until the first is let go', async () => {
  {
    await using lock = await lockHome(home)
    expect(lock.home).not.toBe('')
    await expect(lockHome(home)).rejects.toMatchObject({ kind: 'home-in-use' })
  }
  await using again = await lockHome(home)
  expect(again.home).not.toBe('')
})

test('another process is named as the owner; its death by SIGKILL frees the home', async () => {
  const child = await holder()
  await expect(lockHome(home)).rejects.toMatchObject({
    kind: 'home-in-use',
    message: expect.stringContaining(`process ${child.pid}`),
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using lock = await lockHome(home)
  expect(lock.home).not.toBe('')
})
