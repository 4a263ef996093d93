import { test } from 'vitest'
import { anyTextIsHandled } from './properties.ts'

test('any text is refused or a link', () => anyTextIsHandled(Number(process.env['FUZZ_RUNS'] ?? 100_000)))
