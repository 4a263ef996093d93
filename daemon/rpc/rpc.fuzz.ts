/** Both ends of the socket; FUZZ_RUNS sets how many cases. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { clientHolds, serverHolds } from './rpc.property.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000)
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lattice-rpc-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('the server holds, whatever is said', () => serverHolds(directory, numRuns))
test('the client holds, whatever is answered', () => clientHolds(directory, numRuns))
