import { readVersion } from '../../version.ts'
import type { CommonOptions } from '../context.ts'
import { createTerminal } from '../terminal.ts'

export const printVersion = ({ json = false }: CommonOptions): void => {
  const terminal = createTerminal(json)
  const version = readVersion()
  if (json) terminal.json({ version, node: process.version })
  else terminal.print(`lattice ${version} (node ${process.version})`)
}
