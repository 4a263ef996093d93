/**
 * `npm test`: unit tests, then everything `verify` checks, then short fuzz and simulation campaigns, then end to end,
 * then the desktop app.
 * Goes on after a failure, so that one run tells all; the exit code is 0 only when nothing failed. Ends with what
 * was skipped and why, what failed and how, and the line `N passed, N failed` (with `, N skipped` where that is so).
 *
 * `--only unit,e2e` runs some stages; what follows `--` goes to vitest (`npm test -- --only unit -- kernel/dag`).
 * FUZZ_RUNS and SIM_SEEDS (cases per fuzz property, seeds per campaign) lengthen the short campaigns.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromRoot, toolEnvironment } from './lib/paths.mjs'
import { run } from './lib/run.mjs'
import { verify } from './verify.mjs'

/** @typedef {{ name: string, why: string }} Told */
/** @typedef {{ passed: number, failed: Told[], skipped: Told[] }} Counts */

const stages = ['unit', 'verify', 'fuzz', 'sim', 'e2e', 'desktop']
const campaigns = ['fuzz', 'sim']
const shortCampaign = { FUZZ_RUNS: process.env['FUZZ_RUNS'] ?? '2000', SIM_SEEDS: process.env['SIM_SEEDS'] ?? '25' }

/** @param {string} project @param {readonly string[]} extra @returns {Promise<Counts>} */
async function runVitest(project, extra) {
  const report = fromRoot('build', 'test', `${project}.json`)
  mkdirSync(fromRoot('build', 'test'), { recursive: true })
  rmSync(report, { force: true })
  // The desktop app needs a session around it, which another script makes.
  const [program, args] =
    project === 'desktop'
      ? [fromRoot('node_modules', 'node', 'bin', 'node'), [fromRoot('scripts', 'e2e-electron.mjs')]]
      : [fromRoot('node_modules', '.bin', 'vitest'), ['run', '--project', project]]
  const code = await run(
    program,
    [...args, '--passWithNoTests', '--reporter=default', '--reporter=./scripts/count-reporter.mjs', ...extra],
    { ...toolEnvironment(), ...(campaigns.includes(project) ? shortCampaign : {}), LATTICE_TEST_REPORT: report },
  )
  /** @type {Counts} */
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: [], skipped: [] }
  // No report, or a clean one: vitest itself, or what the stage needs, did not come to an end.
  if (code !== 0 && counts.failed.length === 0)
    counts.failed.push({ name: project, why: `the stage ended with code ${code}; what it printed above says more` })
  return counts
}

/** The last lines of what a program printed. @param {string} output */
const endOf = (output) => output.split('\n').slice(-30).join('\n')

/** @param {string} stage @param {readonly string[]} extra @returns {Promise<Counts>} */
async function runStage(stage, extra) {
  console.log(`\n=== ${stage}`)
  if (stage !== 'verify') return runVitest(stage, extra)
  // A step of `verify` that fails counts as one failure, so that the last line never says 0 of a red run.
  const failed = (await verify()).map(({ name, output }) => ({ name: `verify: ${name}`, why: endOf(output) }))
  return { passed: 0, failed, skipped: [] }
}

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
const wanted = values.only?.split(',') ?? stages
const unknown = wanted.filter((stage) => !stages.includes(stage))
if (unknown.length > 0) {
  console.error(`test: there is no stage '${unknown.join(', ')}'; there are ${stages.join(', ')}`)
  process.exit(2)
}

/** @type {Counts} */
const total = { passed: 0, failed: [], skipped: [] }
for (const stage of stages.filter((stage) => wanted.includes(stage))) {
  const counts = await runStage(stage, positionals)
  total.passed += counts.passed
  total.failed.push(...counts.failed)
  total.skipped.push(...counts.skipped)
}
console.log('')
for (const { name, why } of total.skipped) console.log(`skipped: ${name}: ${why}`)
// Last, as a log that is cut short keeps its end.
for (const { name, why } of total.failed) console.log(`failed: ${name}\n${why.replaceAll(/^/gm, '    ')}\n`)
const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''
console.log(`${total.passed} passed, ${total.failed.length} failed${skipped}`)
process.exitCode = total.failed.length === 0 ? 0 : 1
