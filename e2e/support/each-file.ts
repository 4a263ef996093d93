/**
 * Around every file of tests: a directory for temporary files of its own, whichever program makes them, and an end to
 * what a test that ran out of time left running.
 */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach } from 'vitest'
import { endAllBut, whatRuns } from './started.ts'

// A short name: sockets lie in it, and a path to one has at most 107 bytes.
const directory = mkdtempSync(join(tmpdir(), 'lattice-'))
process.env['TMPDIR'] = directory

const ranBefore = new WeakMap<object, ReadonlySet<object>>()
beforeEach(({ task }) => {
  ranBefore.set(task, whatRuns())
})
afterEach(async ({ task, signal }) => {
  if (signal.aborted) await endAllBut(ranBefore.get(task) ?? new Set())
})

// A signal that ends the run does not reach what is in another process group: it is told from here.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    void endAllBut(new Set())
    process.kill(process.pid, signal)
  })

// Set up first, this ends last.
afterAll(async () => {
  await endAllBut(new Set())
  if (!process.env['LATTICE_KEEP']) await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})
