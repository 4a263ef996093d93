/** A button that opens a short list of things to do. */
import type { ReactNode } from 'react'
import { Menu as AriaMenu, MenuItem, MenuTrigger, Popover } from 'react-aria-components'
import { Button } from './button.tsx'
import popover from './popover.module.css'

export interface MenuEntry {
  readonly id: string
  readonly label: string
  readonly onChoose: () => void
  readonly isDanger?: boolean
}

interface MenuProps {
  /** Said to those who do not see the picture. */
  readonly label: string
  readonly button: ReactNode
  readonly entries: readonly MenuEntry[]
}

export const Menu = ({ label, button, entries }: MenuProps) => (
  <MenuTrigger>
    <Button kind="quiet" size="small" aria-label={label}>
      {button}
    </Button>
    <Popover className={popover['popover']} placement="bottom end" offset={4}>
      <AriaMenu className={popover['list']}>
        {entries.map(({ id, label: text, onChoose, isDanger = false }) => (
          <MenuItem
            key={id}
            id={id}
            className={[popover['item'], isDanger ? popover['danger'] : undefined].filter(Boolean).join(' ')}
            onAction={onChoose}
          >
            {text}
          </MenuItem>
        ))}
      </AriaMenu>
    </Popover>
  </MenuTrigger>
)
