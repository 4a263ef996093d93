/**
 * The `lattice` command. Only the command line is parsed here; every command loads what it needs when it runs, so
 * that `lattice status` starts without the network, the database or the RPC server.
 *
 * Exit codes: 0 success, 1 failure, 2 a command line that makes no sense.
 */
import { CommanderError } from 'commander'
import { createProgram } from './program.ts'

const USAGE_ERROR = 2

try {
  await createProgram().parseAsync(process.argv)
} catch (cause) {
  if (!(cause instanceof CommanderError)) throw cause
  process.exitCode = cause.exitCode === 0 ? 0 : USAGE_ERROR
}
