/**
 * A vitest reporter that writes what `npm test` adds up: counts, and each skipped test with the reason it gave
 * (`context.skip(reason)`), which vitest's own JSON report leaves out. A file that fails to load counts as a failure.
 */
import { writeFileSync } from 'node:fs'

export default class CountReporter {
  /** @param {ReadonlyArray<import('vitest/node').TestModule>} modules @param {ReadonlyArray<unknown>} unhandled */
  onTestRunEnd(modules, unhandled) {
    let passed = 0
    let failed = unhandled.length
    /** @type {{ name: string, why: string }[]} */
    const skipped = []
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'failed') failed++
        else skipped.push({ name: `${module.relativeModuleId} > ${test.fullName}`, why: reasonOf(result) })
      }
    }
    const report = process.env['LATTICE_TEST_REPORT']
    if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed, skipped }))
  }
}

/** @param {import('vitest/node').TestResult} result */
const reasonOf = (result) => ('note' in result && result.note) || 'no reason given'
