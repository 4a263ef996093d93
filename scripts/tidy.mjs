/**
 * The line ratchet and the banned names. No source file is longer than 800 lines, except those listed with a ceiling
 * that only falls; no file has a name that says nothing; no marker of unfinished work is committed.
 */
import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { walk } from './lib/files.mjs'
import { fromRoot, root, sourceLayers } from './lib/paths.mjs'

const linesMax = 800
/** Path → ceiling. Lower it when the file shrinks; never raise it, never add to the list. @type {Record<string, number>} */
const ceilings = {}

const emptyFileName = /^(utils?|helpers?|common|misc|stuff|types|constants)\.\w+$/
const unfinished = new RegExp(
  ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].map((word) => `\\b${word}\\b`).join('|'),
)
const focusedTest = /\b(?:describe|it|test)\.only\(/

/**
 * @param {string} path from the root
 * @param {string} text
 * @returns {string[]} one line per fault
 */
export function tidyFaults(path, text) {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const faults = []
  const ceiling = ceilings[path] ?? linesMax
  if (lines.length > ceiling) faults.push(`${path}: ${lines.length} lines, at most ${ceiling}: split it`)
  if (path in ceilings && lines.length < ceiling)
    faults.push(`${path}: has shrunk to ${lines.length} lines: lower its ceiling (${ceiling}) in scripts/tidy.mjs`)
  if (emptyFileName.test(basename(path))) faults.push(`${path}: name the file for what it holds`)
  lines.forEach((line, at) => {
    if (unfinished.test(line)) faults.push(`${path}:${at + 1}: finish it, or write down elsewhere that it is open`)
    if (path.endsWith('.test.ts') && focusedTest.test(line))
      faults.push(`${path}:${at + 1}: this keeps all other tests from running`)
  })
  return faults
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = sourceLayers.flatMap((layer) => walk(fromRoot(layer), (path) => /\.(ts|tsx|mjs|c|h|proto)$/.test(path)))
  const faults = files.flatMap((path) => tidyFaults(relative(root, path), readFileSync(path, 'utf8')))
  for (const fault of faults) console.error(fault)
  process.exitCode = faults.length === 0 ? 0 : 1
}
