/**
 * A vitest reporter that writes what `npm test` adds up: the number of tests that passed, each failure with what was
 * said of it, and each skipped test with the reason it gave (`context.skip(reason)`), which vitest's own JSON report
 * leaves out. A file that fails to load counts as a failure.
 */
import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** Lines told again of each failure at the end of `npm test`; the whole of it stands where it happened. */
const LINES_PER_FAILURE = 30

export default class CountReporter {
  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<import('vitest/node').SerializedError>} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    let passed = 0
    /** @type {{ name: string, why: string }[]} */
    const failed = unhandled.map((error) => ({ name: 'outside of all tests', why: told([error]) }))
    /** @type {{ name: string, why: string }[]} */
    const skipped = []
    for (const module of modules) {
      const file = module.relativeModuleId
      for (const error of module.errors()) failed.push({ name: file, why: told([error]) })
      for (const suite of module.children.allSuites())
        for (const error of suite.errors()) failed.push({ name: `${file} > ${suite.fullName}`, why: told([error]) })
      for (const test of module.children.allTests()) {
        const result = test.result()
        const name = `${file} > ${test.fullName}`
        if (result.state === 'passed') passed++
        else if (result.state === 'failed') failed.push({ name, why: told(result.errors) })
        else skipped.push({ name, why: reasonOf(result) })
      }
    }
    const report = process.env['LATTICE_TEST_REPORT']
    if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed, skipped }))
  }
}

/** What errors say, their differences and where they arose. @param {ReadonlyArray<import('vitest/node').SerializedError>} errors */
const told = (errors) =>
  errors
    .map(({ message, diff, stacks }) => {
      const place = stacks?.[0]
      return [message, diff, place && `at ${place.file}:${place.line}`].filter(Boolean).join('\n')
    })
    .map(stripVTControlCharacters)
    .join('\n')
    .split('\n')
    .slice(0, LINES_PER_FAILURE)
    .join('\n')

/** @param {import('vitest/node').TestResult} result */
const reasonOf = (result) => ('note' in result && result.note) || 'no reason given'
