/** The button that starts a call: says that it runs, keeps the focus meanwhile, and cannot be pressed twice. */
import type { ReactNode } from 'react'
import { Button, type ButtonProps } from '../design/button.tsx'
import type { Action } from '../present/use-action.ts'

interface CallButtonProps extends ButtonProps {
  readonly action: Action
  readonly children: ReactNode
}

export const CallButton = ({ action, isDisabled, children, ...props }: CallButtonProps) => (
  <Button
    {...props}
    isDisabled={isDisabled === true && action.state.at !== 'running'}
    isPending={action.state.at === 'running'}
  >
    {children}
  </Button>
)
