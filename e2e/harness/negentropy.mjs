/**
 * Speaks the line protocol of the public Negentropy conformance tests on stdin and stdout, so that this
 * implementation can be run against any other: `node e2e/harness/negentropy.mjs`.
 *
 * In:  item,TIMESTAMP,HEXID · seal · initiate · msg,HEX
 * Out: msg,HEX · have,HEXID · need,HEXID · done
 * FRAMESIZELIMIT in the environment: 0 or at least 4096. A line that cannot be followed ends the program with 1.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { bytesToHex, hexToBytes } from '#kernel/core/bytes.ts'
import { FRAME_LIMIT_MIN, initiate, reconcile, respond } from '#sync/reconcile/reconcile.ts'
import { rangeItem, sealVector } from '#sync/reconcile/vector.ts'

const U64_MAX = 2n ** 64n - 1n

const need = (result) => {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const parseTimestamp = (text) => {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > U64_MAX) throw new Error(`not a 64-bit timestamp: ${text}`)
  return BigInt(text)
}

const parseLimit = (text) => {
  const limit = Number(text || '0')
  if (!Number.isSafeInteger(limit) || limit < 0 || (limit !== 0 && limit < FRAME_LIMIT_MIN))
    throw new Error(`FRAMESIZELIMIT is 0 or at least ${FRAME_LIMIT_MIN}`)
  return limit
}

class Harness {
  #limit
  #items = []
  #index
  #opened = false
  /** With frame limits a range may come up again: each id is told once. */
  #told = new Set()

  constructor(limit) {
    this.#limit = limit
  }

  /** The lines to answer with. */
  follow(line) {
    const [command, ...fields] = line.trim().split(',')
    if (command === 'item' && fields.length === 2) return this.#add(fields[0], fields[1])
    if (command === 'seal' && fields.length === 0) return this.#seal()
    if (this.#index === undefined) throw new Error(`not sealed: ${command}`)
    if (command === 'initiate' && fields.length === 0) return this.#initiate()
    if (command === 'msg' && fields.length === 1) return this.#message(need(hexToBytes(fields[0])))
    throw new Error(`cannot follow: ${command}`)
  }

  #add(timestamp, id) {
    if (this.#index !== undefined) throw new Error('already sealed')
    this.#items.push(need(rangeItem(parseTimestamp(timestamp), need(hexToBytes(id)))))
    return []
  }

  #seal() {
    if (this.#index !== undefined) throw new Error('already sealed')
    this.#index = need(sealVector(this.#items))
    this.#items = []
    return []
  }

  #initiate() {
    this.#opened = true
    return [`msg,${bytesToHex(initiate(this.#index, this.#limit))}`]
  }

  #message(message) {
    if (!this.#opened) return [`msg,${bytesToHex(need(respond(this.#index, message, this.#limit)))}`]
    const found = need(reconcile(this.#index, message, this.#limit))
    const told = [
      ...found.have.map((id) => `have,${bytesToHex(id)}`),
      ...found.need.map((id) => `need,${bytesToHex(id)}`),
    ].filter((line) => !this.#told.has(line))
    for (const line of told) this.#told.add(line)
    return [...told, found.message === undefined ? 'done' : `msg,${bytesToHex(found.message)}`]
  }
}

try {
  const harness = new Harness(parseLimit(process.env.FRAMESIZELIMIT))
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue
    const answer = harness.follow(line)
    if (answer.length > 0 && !process.stdout.write(answer.join('\n') + '\n')) await once(process.stdout, 'drain')
  }
} catch (error) {
  process.stderr.write(`negentropy: ${error.message}\n`)
  process.exitCode = 1
}
