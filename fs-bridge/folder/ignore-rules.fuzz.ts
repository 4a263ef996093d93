import { test } from 'vitest'
import { anyRulesAreHandled } from './ignore-rules.property.ts'

test('any text is rules', () => anyRulesAreHandled(Number(process.env['FUZZ_RUNS'] ?? 100_000)))
