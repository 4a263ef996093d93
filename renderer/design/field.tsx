/** Things to fill in. Each has a label; a note below says what is expected, an error what is wrong. */
import type { ReactNode } from 'react'
import {
  Button,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select,
  SelectValue,
  Switch,
  Text,
  TextField as AriaTextField,
} from 'react-aria-components'
import css from './field.module.css'
import popover from './popover.module.css'

interface TextFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly note?: ReactNode
  /** A sentence; the field counts as wrong while there is one. */
  readonly error?: string
  readonly placeholder?: string
  readonly autoFocus?: boolean
  readonly isRequired?: boolean
  readonly maxLength?: number
  readonly type?: 'text' | 'number' | 'time'
  /** For paths and links: every character counts. */
  readonly isCode?: boolean
  readonly isDisabled?: boolean
}

export const TextField = ({ label, note, error, placeholder, isCode = false, autoFocus, ...props }: TextFieldProps) => (
  <AriaTextField
    {...props}
    // A field that gets the focus is what its dialog was opened for.
    autoFocus={autoFocus}
    isInvalid={error !== undefined}
    className={css['field']}
  >
    <Label className={css['label']}>{label}</Label>
    <Input
      className={[css['input'], isCode ? css['code'] : undefined].filter(Boolean).join(' ')}
      placeholder={placeholder}
      {...(isCode && { spellCheck: false, autoComplete: 'off', autoCapitalize: 'off', dir: 'ltr' })}
    />
    {note !== undefined && (
      <Text slot="description" className={css['note']}>
        {note}
      </Text>
    )}
    <FieldError className={css['error']}>{error}</FieldError>
  </AriaTextField>
)

export interface Choice {
  readonly id: string
  readonly label: string
  readonly note?: string
}

interface SelectFieldProps {
  readonly label: string
  readonly choices: readonly Choice[]
  readonly value: string
  readonly onChange: (id: string) => void
  readonly note?: ReactNode
  /** Where its place says what it chooses: the label is for those who do not see it. */
  readonly isLabelHidden?: boolean
}

export const SelectField = ({ label, choices, value, onChange, note, isLabelHidden = false }: SelectFieldProps) => (
  <Select
    className={css['field']}
    selectedKey={value}
    onSelectionChange={(key) => {
      if (key !== null) onChange(String(key))
    }}
  >
    <Label className={css[isLabelHidden ? 'hidden' : 'label']}>{label}</Label>
    <Button className={css['select']}>
      <SelectValue>{({ selectedText }) => selectedText}</SelectValue>
      <span aria-hidden="true" className={css['caret']} />
    </Button>
    {note !== undefined && (
      <Text slot="description" className={css['note']}>
        {note}
      </Text>
    )}
    <Popover className={popover['popover']} offset={4}>
      <ListBox className={popover['list']}>
        {choices.map(({ id, label: text, note: about }) => (
          <ListBoxItem key={id} id={id} textValue={text} className={popover['item']}>
            {/* Read as one: what a choice is called and what it means. */}
            <span>{text}</span>
            {about !== undefined && <span className={css['note']}>{about}</span>}
          </ListBoxItem>
        ))}
      </ListBox>
    </Popover>
  </Select>
)

interface SwitchFieldProps {
  readonly label: string
  readonly note?: ReactNode
  readonly isOn: boolean
  readonly onChange: (on: boolean) => void
}

export const SwitchField = ({ label, note, isOn, onChange }: SwitchFieldProps) => (
  <div className={css['field']}>
    <Switch className={css['switch']} isSelected={isOn} onChange={onChange}>
      <span className={css['track']} aria-hidden="true" />
      {label}
    </Switch>
    {note !== undefined && <p className={css['note']}>{note}</p>}
  </div>
)
