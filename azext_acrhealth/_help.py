"""What ``az acr check-health-ext -h`` says."""

from knack.help_files import helps

helps['acr check-health-ext'] = """
type: command
short-summary: Find out why this machine cannot use a container registry, and what to do about it.
long-summary: >
    Checks the container client, its daemon, Helm and the Azure CLI on this machine; then, for a registry, its login
    server, DNS, TLS, the challenge, the sign-in, the tokens and the hosts that layers come from. All checks run side by
    side, whatever fails. The report goes to standard output in the chosen format; on failure the first root cause is
    also the command's error, with what to do next, and the exit status is 1.
examples:
  - name: Check this machine only.
    text: az acr check-health-ext
  - name: Check this machine and a registry, pull the sample image without asking, and show a table.
    text: az acr check-health-ext --name MyRegistry --yes --output table
  - name: Check that a repository can be pulled from.
    text: az acr check-health-ext --name MyRegistry --repository samples/hello --require pull
  - name: Check, on a node without Docker too, that an image can be downloaded.
    text: az acr check-health-ext --name MyRegistry --image samples/hello:1.0 --skip environment
  - name: Check, inside a virtual network, that the names of a registry lead to its private endpoint there.
    text: az acr check-health-ext --name MyRegistry --vnet MyNetwork
  - name: Print the ids of the root causes, one on a line, for a script.
    text: az acr check-health-ext --name MyRegistry --query "rootCauses[].cause" --output tsv
  - name: Check a registry where neither Docker nor Helm is of interest.
    text: az acr check-health-ext --name MyRegistry --skip environment
  - name: Check what docker login would do with a repository token, whose password comes on standard input.
    text: az acr check-health-ext --name MyRegistry --username MyToken --password-stdin
  - name: Check the admin user with a password that others on this machine may see.
    text: az acr check-health-ext --name MyRegistry --username MyRegistry --password MyPassword
  - name: Check that everybody can pull from a repository without a sign-in.
    text: az acr check-health-ext --name MyRegistry --anonymous --repository samples/hello
  - name: Report in a pipeline step that must not fail, with two seconds for each operation.
    text: az acr check-health-ext --name MyRegistry --ignore-errors --timeout 2
"""
