/**
 * All that can be said about the sources without running them: types, lint, layers, format, line ratchet, names.
 * Exit code 0 only when nothing is wrong; prints what is, step by step.
 */
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { fromRoot } from './lib/paths.mjs'
import { capture } from './lib/run.mjs'

const tool = (/** @type {string} */ name) => fromRoot('node_modules', '.bin', name)
const node = fromRoot('node_modules', 'node', 'bin', 'node')

/** Longest first, so that two processors end together. @type {readonly { name: string, program: string, args: string[] }[]} */
const steps = [
  { name: 'eslint', program: tool('eslint'), args: ['.', '--cache', '--cache-location', 'build/.eslintcache'] },
  { name: 'types', program: tool('tsc'), args: ['-b'] },
  {
    name: 'prettier',
    program: tool('prettier'),
    args: ['--check', '--log-level', 'warn', '.', '--cache', '--cache-location', 'build/.prettiercache'],
  },
  { name: 'buf lint', program: tool('buf'), args: ['lint'] },
  { name: 'tidy', program: node, args: ['scripts/tidy.mjs'] },
]

/**
 * Runs every step, as many at once as there are processors.
 * @param {(line: string) => unknown} say is told of each step once it has ended
 * @returns {Promise<{ name: string, output: string }[]>} those that failed
 */
export async function verify(say = console.log) {
  const queue = [...steps]
  /** @type {{ name: string, output: string }[]} */
  const failed = []
  const worker = async () => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      const startedMs = performance.now()
      const { code, output } = await capture(step.program, step.args)
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      say(`verify: ${step.name} ${code === 0 ? 'ok' : 'FAILED'} (${seconds} s)`)
      if (code === 0) continue
      failed.push({ name: step.name, output: output.trimEnd() })
      say(output.trimEnd())
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return failed
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = (await verify()).length === 0 ? 0 : 1
