import { test } from 'vitest'
import { anyMessageIsHandled } from './properties.ts'

test('any bytes are a sound message or refused', () => anyMessageIsHandled(Number(process.env['FUZZ_RUNS'] ?? 100_000)))
