output "name" {
  description = "The cluster's name, known once it has nodes"
  value       = aws_eks_node_group.cpu.cluster_name
}

output "roles" {
  description = "Role -> ARN"
  value       = { for role, made in aws_iam_role.account : role => made.arn }
}
