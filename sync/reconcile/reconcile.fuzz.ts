import { test } from 'vitest'
import { anyBytesAreHandled } from './properties.ts'

test('any bytes are answered or refused', () => anyBytesAreHandled(Number(process.env['FUZZ_RUNS'] ?? 100_000)))
