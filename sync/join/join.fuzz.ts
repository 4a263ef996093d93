import { test } from 'vitest'
import { anyJoiningIsHandled, anyTextIsHandled, wordsAgree } from './properties.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)

test('any text is refused or a link', () => anyTextIsHandled(numRuns))
test('any question and any answer are sound or refused', () => anyJoiningIsHandled(numRuns))
test('both sides tell the same words, and nobody else', () => wordsAgree(numRuns))
