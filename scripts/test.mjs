/**
 * `npm test`: unit tests with short fuzz and simulation campaigns, and beside them everything `verify` checks and the
 * building of the app; then end to end and the desktop app. Stages that vitest runs share its workers, so that no
 * processor waits for the end of one; what runs beside a stage is told when its turn comes.
 * Goes on after a failure, so that one run tells all; the exit code is 0 only when nothing failed. Ends with what
 * was skipped and why, what failed and how, and the line `N passed, N failed` (with `, N skipped` where that is so).
 *
 * `--only unit,e2e` runs some stages; what follows `--` goes to vitest (`npm test -- --only unit -- kernel/dag`).
 * FUZZ_RUNS and SIM_SEEDS (cases per fuzz property, seeds per campaign) lengthen the short campaigns.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { prepareDesktop } from './e2e-electron.mjs'
import { fromRoot, toolEnvironment } from './lib/paths.mjs'
import { capture, runGroup } from './lib/run.mjs'
import { verify } from './verify.mjs'

/** @typedef {{ name: string, why: string }} Told */
/** @typedef {{ passed: number, failed: Told[], skipped: Told[] }} Counts */

/** Those of a row run together, and `verify` beside the row before it. */
const order = [['unit', 'fuzz', 'sim'], ['verify'], ['e2e', 'desktop']]
const stages = order.flat()
const shortCampaign = { FUZZ_RUNS: process.env['FUZZ_RUNS'] ?? '2000', SIM_SEEDS: process.env['SIM_SEEDS'] ?? '25' }

/** @param {readonly string[]} projects @param {NodeJS.ProcessEnv} env @param {readonly string[]} extra @returns {Promise<Counts>} */
async function runVitest(projects, env, extra) {
  const report = fromRoot('build', 'test', `${projects.join('-')}.json`)
  mkdirSync(fromRoot('build', 'test'), { recursive: true })
  rmSync(report, { force: true })
  const code = await runGroup(
    fromRoot('node_modules', '.bin', 'vitest'),
    [
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=./scripts/count-reporter.mjs',
      ...extra,
    ],
    { ...toolEnvironment(), ...(projects.includes('sim') ? shortCampaign : {}), ...env, LATTICE_TEST_REPORT: report },
  )
  /** @type {Counts} */
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: [], skipped: [] }
  // No report, or a clean one: vitest itself, or what the stage needs, did not come to an end.
  if (code !== 0 && counts.failed.length === 0)
    counts.failed.push({
      name: projects.join(', '),
      why: `the stage ended with code ${code}; what it printed above says more`,
    })
  return counts
}

/** The last lines of what a program printed. @param {string} output */
const endOf = (output) => output.split('\n').slice(-30).join('\n')

/**
 * Verifies; resolves to what came of it and what there is to print. A step that fails counts as one failure, so that the
 * last line never says 0 of a red run.
 * @returns {Promise<{ counts: Counts, said: string[] }>}
 */
async function runVerify() {
  /** @type {string[]} */
  const said = []
  const faults = await verify((line) => said.push(line))
  const failed = faults.map(({ name, output }) => ({ name: `verify: ${name}`, why: endOf(output) }))
  return { counts: { passed: 0, failed, skipped: [] }, said }
}

/** @param {readonly string[]} together stages of one row @param {readonly string[]} extra @returns {Promise<Counts[]>} */
async function runStages(together, extra) {
  console.log(`\n=== ${together.join(', ')}`)
  if (verifying && together.includes('verify')) {
    const { counts, said } = await verifying
    for (const line of said) console.log(line)
    return [counts]
  }
  if (!together.includes('desktop')) return [await runVitest(together, {}, extra)]
  await preparing
  const desktop = await prepareDesktop()
  if (desktop !== undefined) return [await runVitest(together, desktop, extra)]
  const why = 'what the tests of the desktop app need is not there; what was printed above says more'
  const others = together.filter((stage) => stage !== 'desktop')
  return [
    { passed: 0, failed: [{ name: 'desktop', why }], skipped: [] },
    ...(others.length > 0 ? [await runVitest(others, {}, extra)] : []),
  ]
}

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
const wanted = values.only?.split(',') ?? stages
const unknown = wanted.filter((stage) => !stages.includes(stage))
if (unknown.length > 0) {
  console.error(`test: there is no stage '${unknown.join(', ')}'; there are ${stages.join(', ')}`)
  process.exit(2)
}

// Both have a processor idle at times, and so have the tests they run beside. What cannot be prepared is tried again, and
// told, when its turn comes.
const verifying = wanted.includes('verify') ? runVerify() : undefined
const preparing = wanted.includes('desktop')
  ? capture(process.execPath, [fromRoot('scripts', 'e2e-electron.mjs'), '--prepare-only'])
  : undefined

/** @type {Counts} */
const total = { passed: 0, failed: [], skipped: [] }
for (const row of order) {
  const together = row.filter((stage) => wanted.includes(stage))
  if (together.length === 0) continue
  for (const counts of await runStages(together, positionals)) {
    total.passed += counts.passed
    total.failed.push(...counts.failed)
    total.skipped.push(...counts.skipped)
  }
}
console.log('')
for (const { name, why } of total.skipped) console.log(`skipped: ${name}: ${why}`)
// Last, as a log that is cut short keeps its end.
for (const { name, why } of total.failed) console.log(`failed: ${name}\n${why.replaceAll(/^/gm, '    ')}\n`)
const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''
console.log(`${total.passed} passed, ${total.failed.length} failed${skipped}`)
process.exitCode = total.failed.length === 0 ? 0 : 1
