/**
 * API messages as the JSON that `--json` prints: field names in camelCase and every field present, 64-bit numbers as
 * JSON numbers, bytes in hex, enum values as their lower-case words ("idle", not "FOLDER_STATE_IDLE").
 */
import { ScalarType, type DescEnum, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { bytesToHex } from '#kernel/core/bytes.ts'

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain }

export const enumWord = (desc: DescEnum, value: number): string => {
  const name = desc.value[value]?.name ?? `${value}`
  return (
    desc.sharedPrefix && name.toLowerCase().startsWith(desc.sharedPrefix) ? name.slice(desc.sharedPrefix.length) : name
  )
    .toLowerCase()
    .replaceAll('_', '-')
}

const single = (field: DescField, value: unknown): Plain => {
  if (value === undefined) return null
  if (field.message) return plainMessage(field.message, value as MessageShape<DescMessage>)
  if (field.enum) return enumWord(field.enum, value as number)
  if (field.scalar === ScalarType.BYTES) return bytesToHex(value as Uint8Array)
  return typeof value === 'bigint' ? Number(value) : (value as Plain)
}

export const plainMessage = <D extends DescMessage>(
  desc: D,
  message: MessageShape<D>,
): { readonly [name: string]: Plain } => {
  const plain: Record<string, Plain> = {}
  const fields = message as unknown as Record<string, unknown>
  for (const field of desc.fields) {
    if (field.oneof) {
      const chosen = fields[field.oneof.localName] as { case?: string; value?: unknown }
      if (chosen.case === field.localName) plain[field.localName] = single(field, chosen.value)
    } else if (field.fieldKind === 'list') {
      plain[field.localName] = (fields[field.localName] as unknown[]).map((item) => single(field, item))
    } else {
      plain[field.localName] = single(field, fields[field.localName])
    }
  }
  return plain
}
