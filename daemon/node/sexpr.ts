/**
 * Operations as S-expressions, for people who read a log:
 * `(file-ops (op (inode 0x…) (link (parent 0x…) (name "a.txt") (kind file))))`. Unset fields are left out; text that
 * protobuf cannot make sense of is shown as bytes.
 */
import { fromBinary, ScalarType, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { FileOpsSchema } from '#proto/file'
import { UniversalOpSchema } from '#proto/intention'
import { KvOpSchema, LogOpSchema } from '#proto/kv'
import { bytesToHex } from '#kernel/core/bytes.ts'

/** Longer values are cut: a log is read by eye. */
const BYTES_SHOWN_MAX = 64

const kebab = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()

const showBytes = (bytes: Uint8Array): string =>
  bytes.length <= BYTES_SHOWN_MAX
    ? `0x${bytesToHex(bytes)}`
    : `(bytes ${bytes.length} 0x${bytesToHex(bytes.subarray(0, BYTES_SHOWN_MAX))})`

const showValue = (field: DescField, value: unknown): string => {
  if (field.message) return showFields(field.message, value as MessageShape<DescMessage>)
  if (field.enum) {
    const name = field.enum.value[value as number]?.name ?? String(value)
    const prefix = field.enum.sharedPrefix ?? ''
    return kebab(name.slice(name.toLowerCase().startsWith(prefix) ? prefix.length : 0))
  }
  if (field.scalar === ScalarType.BYTES) return showBytes(value as Uint8Array)
  return field.scalar === ScalarType.STRING ? JSON.stringify(value) : String(value)
}

const isSet = (value: unknown): boolean =>
  value !== undefined &&
  value !== '' &&
  value !== 0 &&
  value !== 0n &&
  value !== false &&
  !(value instanceof Uint8Array && value.length === 0)

const valuesOf = (field: DescField, message: Record<string, unknown>): readonly unknown[] => {
  if (field.oneof) {
    const chosen = message[field.oneof.localName] as { case?: string; value?: unknown }
    return chosen.case === field.localName ? [chosen.value] : []
  }
  const value = message[field.localName]
  if (field.fieldKind === 'list') return value as unknown[]
  return isSet(value) ? [value] : []
}

const showFields = (desc: DescMessage, message: MessageShape<DescMessage>): string =>
  desc.fields
    .flatMap((field) =>
      valuesOf(field, message as unknown as Record<string, unknown>).map((value) => {
        const shown = showValue(field, value)
        return `(${kebab(field.name)}${shown === '' ? '' : ` ${shown}`})`
      }),
    )
    .join(' ')

const showMessage = (desc: DescMessage, bytes: Uint8Array): string => {
  try {
    const fields = showFields(desc, fromBinary(desc, bytes))
    return fields === '' ? `(${kebab(desc.name)})` : `(${kebab(desc.name)} ${fields})`
  } catch {
    return `(undecodable ${showBytes(bytes)})`
  }
}

const APP_OPS: Readonly<Record<string, DescMessage>> = {
  'core:filestore': FileOpsSchema,
  'core:kv': KvOpSchema,
  'core:log': LogOpSchema,
}

/** `ops` are a serialised UniversalOp of a store of type `storeType`. */
export const opsToSexpr = (ops: Uint8Array, storeType: string): string => {
  let op
  try {
    op = fromBinary(UniversalOpSchema, ops).op
  } catch {
    return `(undecodable ${showBytes(ops)})`
  }
  switch (op.case) {
    case undefined:
      return '(merge)'
    case 'genesis':
      return `(genesis ${JSON.stringify(op.value.type)} ${showBytes(op.value.nonce)})`
    case 'system':
      return op.value.op.case === undefined
        ? '(system)'
        : showMessage(UniversalOpSchema, ops).replace(/^\(universal-op \((.*)\)\)$/s, '($1)')
    case 'app': {
      const desc = APP_OPS[storeType]
      return desc ? showMessage(desc, op.value) : `(app ${showBytes(op.value)})`
    }
  }
}

/** A few words for the log without `--sexpr`. */
export const summariseOps = (ops: Uint8Array, storeType: string): string => {
  try {
    const { op } = fromBinary(UniversalOpSchema, ops)
    if (op.case === undefined) return 'merge'
    if (op.case === 'genesis') return `genesis of ${op.value.type}`
    if (op.case === 'system') return kebab(op.value.op.case ?? 'system').replaceAll('-', ' ')
    if (storeType !== 'core:filestore') return `${op.value.length} bytes`
    const { ops: files } = fromBinary(FileOpsSchema, op.value)
    const names = files.flatMap((file) => (file.link?.name ? [file.link.name] : []))
    const what = files.length === 1 ? '1 file' : `${files.length} files`
    return names.length === 0 ? what : `${what}: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`
  } catch {
    return 'undecodable'
  }
}
